#include "sim/programs.h"

#include <algorithm>
#include <string_view>

namespace gputide::sim {

namespace {

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "cluster-autoscaler" of "registry.k8s.io/autoscaling/cluster-autoscaler-amd64:v1.34.1".
std::string_view image_name(std::string_view image) {
  std::string_view name = base_name(image);
  name = name.substr(0, name.find_first_of(":@"));
  if (name == "controller" && image.find("karpenter/controller") != std::string_view::npos)
    return "karpenter";
  for (const std::string_view arch : {"-amd64", "-arm64"})
    if (name.ends_with(arch)) name.remove_suffix(arch.size());
  return name;
}

std::string fill_in(const std::string& text, const model::Container& container) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("$(", at);
    const std::size_t close = open == std::string::npos ? open : text.find(')', open);
    if (close == std::string::npos) return out + text.substr(at);
    const std::string_view name(text.data() + open + 2, close - open - 2);
    const auto variable = std::find_if(container.env.begin(), container.env.end(),
                                       [&](const model::EnvVar& env) { return env.name == name; });
    out.append(text, at, open - at);
    if (variable != container.env.end())
      out += variable->value;
    else
      out.append(text, open, close + 1 - open);
    at = close + 1;
  }
  return out;
}

// The words that the container runs. A shell's script is taken apart at its spaces.
std::vector<std::string> words_of(const model::Container& container) {
  std::vector<std::string> words;
  for (const auto* list : {&container.command, &container.args})
    for (const std::string& word : *list) words.push_back(fill_in(word, container));
  const bool shell = words.size() >= 3 && (words[0].ends_with("sh")) && words[1].starts_with("-") &&
                     words[1].ends_with("c");
  if (!shell) return words;
  std::vector<std::string> script;
  for (std::size_t at = 0; at < words[2].size();) {
    const std::size_t begin = words[2].find_first_not_of(" \t\n\\", at);
    if (begin == std::string::npos) break;
    const std::size_t end = std::min(words[2].find_first_of(" \t\n\\", begin), words[2].size());
    script.push_back(words[2].substr(begin, end - begin));
    at = end;
  }
  if (!script.empty() && script.front() == "exec") script.erase(script.begin());
  return script;
}

std::optional<ProgramKind> kind_of_image(std::string_view name) {
  if (name == "cluster-autoscaler") return ProgramKind::ClusterAutoscaler;
  if (name == "aws-node-termination-handler") return ProgramKind::NodeTerminationHandler;
  if (name == "karpenter") return ProgramKind::Karpenter;
  if (name == "amazon-k8s-cni" || name == "cilium") return ProgramKind::Cni;
  return std::nullopt;
}

// What `gputide WORD` is.
std::optional<ProgramKind> subcommand(std::string_view word) {
  if (word == "autoscaler") return ProgramKind::GputideAutoscaler;
  if (word == "provisioner") return ProgramKind::GputideProvisioner;
  return std::nullopt;
}

std::optional<Program> program_in(const model::Container& container) {
  const std::string_view image = image_name(container.image);
  const auto named = kind_of_image(image);
  const bool ours = image == "gputide";
  const bool might = named || ours || !container.command.empty();
  if (!might) return std::nullopt;
  Program program;
  program.image = container.image;
  for (const model::EnvVar& env : container.env)
    program.environment.push_back(env.name + "=" + env.value);
  std::vector<std::string> words = words_of(container);
  const std::string_view first = words.empty() ? std::string_view() : base_name(words.front());
  std::size_t skip = 0;
  if (first == "gputide" || (ours && subcommand(first))) {
    skip = first == "gputide" ? 1 : 0;
    const auto kind = words.size() <= skip ? std::nullopt : subcommand(words[skip]);
    if (!kind) return std::nullopt;
    ++skip;
    program.kind = *kind;
  } else if (const auto by_command = kind_of_image(first);
             by_command && *by_command != ProgramKind::Cni) {
    skip = 1;
    program.kind = *by_command;
  } else if (named && (container.command.empty() || *named == ProgramKind::Cni)) {
    program.kind = *named;
  } else {
    return std::nullopt;
  }
  program.flags.assign(words.begin() + static_cast<std::ptrdiff_t>(skip), words.end());
  return program;
}

}  // namespace

std::optional<Program> program_of(const model::PodSpec& spec) {
  for (const model::Container& container : spec.containers)
    if (auto program = program_in(container)) return program;
  return std::nullopt;
}

}  // namespace gputide::sim
