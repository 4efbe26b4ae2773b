// The command line: names and texts of every subcommand and flag. The only place that sees CLI11.
#include <algorithm>
#include <cstdint>
#include <limits>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "app/commands.h"
#include "base/text.h"

namespace gputide::app {
namespace {

void add_input(CLI::App& command, InputOptions& input) {
  command
      .add_option("-f,--filename,FILE", input.paths,
                  "YAML or JSON file, directory of such files, or - for standard input; may be "
                  "given several times")
      ->type_name("FILE");
  command.add_flag("-R,--recursive", input.recursive, "read directories below directories too");
  command
      .add_option("--prices", input.prices,
                  "spot prices: a file with the JSON of aws ec2 describe-spot-price-history")
      ->type_name("FILE");
  command
      .add_option("--instance-types", input.instance_types,
                  "instance types: a file with the JSON of aws ec2 describe-instance-types")
      ->type_name("FILE");
}

void add_reservations(CLI::App& command, InputOptions& input) {
  command
      .add_option("--capacity-reservations", input.reservations,
                  "capacity reservations: a file with the JSON of aws ec2 "
                  "describe-capacity-reservations")
      ->type_name("FILE");
}

void add_region(CLI::App& command, std::string& region) {
  command
      .add_option("--region", region, "AWS region of the NodePools, where their zones do not tell")
      ->type_name("REGION");
}

void add_output(CLI::App& command, Output& output) {
  command
      .add_option_function<std::string>(
          "-o,--output",
          [&output](const std::string& form) {
            if (form != "text" && form != "json")
              throw CLI::ValidationError(fmt::format("-o is text or json, not {}", form));
            output = form == "json" ? Output::Json : Output::Text;
          },
          "how to say it (default: text)")
      ->option_text("text|json");
}

void add_seed(CLI::App& command, std::optional<std::uint64_t>& seed) {
  command
      .add_option_function<std::int64_t>(
          "--seed",
          [&seed](std::int64_t number) {
            if (number < 0) throw CLI::ValidationError("--seed is a whole number, 0 or more");
            seed = static_cast<std::uint64_t>(number);
          },
          "names the future (over the Scenario's)")
      ->type_name("NUMBER");
}

CLI::App& add_check(CLI::App& program, CheckOptions& options) {
  CLI::App& command = *program.add_subcommand(
      "check", "Say everything that is wrong with these files, line by line");
  add_input(command, options.input);
  add_output(command, options.output);
  command.add_flag("--fix", options.fix, "write back what is safe to mend; all files or none");
  command.add_flag("--diff,--dry-run", options.diff,
                   "print what --fix would change, as a unified diff, and change nothing");
  return command;
}

CLI::App& add_plan(CLI::App& program, PlanOptions& options) {
  CLI::App& command = *program.add_subcommand(
      "plan",
      "Say which nodes these NodePools and node groups would buy for these pods, at what price");
  add_input(command, options.input);
  add_reservations(command, options.input);
  add_output(command, options.output);
  add_region(command, options.region);
  command.add_flag("--bound-certificate", options.certificate,
                   "print the proof of the lower bound: what each pod must cost at the least");
  CLI::Option* print_template =
      command
          .add_option("--print-template", options.print_template,
                      "instead: what a node of this instance type offers, before there is one")
          ->type_name("TYPE");
  command
      .add_option("--config", options.config,
                  "with --print-template: the device plugin's configuration, or its ConfigMap")
      ->needs(print_template)
      ->type_name("FILE");
  command
      .add_option("--mig-config", options.mig_config,
                  "with --print-template: the node's label nvidia.com/mig.config")
      ->needs(print_template)
      ->type_name("LAYOUT");
  command
      .add_option("--zones", options.zones, "zones to buy in (default: a, b and c of the region)")
      ->delimiter(',')
      ->type_name("ZONE");
  return command;
}

CLI::App& add_cost(CLI::App& program, CostOptions& options) {
  CLI::App& command = *program.add_subcommand(
      "cost", "Say what the cluster of these files costs, empty, full and for its pods");
  add_input(command, options.input);
  add_reservations(command, options.input);
  add_output(command, options.output);
  add_region(command, options.region);
  command
      .add_option("--zones", options.zones,
                  "zones of the NodePools (default: a, b and c of the region)")
      ->delimiter(',')
      ->type_name("ZONE");
  command
      .add_option(
          "--compare", options.compare,
          "two files or folders: what A, before a change, and B, after it, add to the files")
      ->expected(2)
      ->type_name("FILE");
  return command;
}

CLI::App& add_explain(CLI::App& program, ExplainOptions& options) {
  CLI::App& group = *program.add_subcommand(
      "explain", "Say why a pod waits in a simulated cluster, and what would help");
  group.require_subcommand(1);
  CLI::App& command =
      *group.add_subcommand("pod", "Say where a pod is, or what keeps it off each pool");
  command.add_option("NAME", options.name, "the pod, or the workload that makes it; KIND/NAME too")
      ->required()
      ->type_name("");
  command.add_option("-n,--namespace", options.namespace_, "its namespace (default: default)")
      ->type_name("NAMESPACE");
  add_input(command, options.input);
  add_reservations(command, options.input);
  add_output(command, options.output);
  command.add_option("--at", options.at, "the moment, such as 20m (default: the end of the run)")
      ->type_name("TIME");
  add_seed(command, options.seed);
  command.add_option("--market", options.market, "spot market, as simulate's")->type_name("MARKET");
  return command;
}

CLI::App& add_simulate(CLI::App& program, SimulateOptions& options) {
  CLI::App& command = *program.add_subcommand(
      "simulate",
      "Run these files in a simulated cluster: what will happen, and what will it cost?");
  add_input(command, options.input);
  add_output(command, options.output);
  CLI::Option* out =
      command
          .add_option("--out", options.out,
                      "folder for result.json, events.jsonl, report.html and the series as CSV")
          ->type_name("FOLDER");
  command.add_option("--until", options.until, "end of the run, such as 2h (over the Scenario's)")
      ->type_name("TIME");
  add_seed(command, options.seed);
  command
      .add_option("--market", options.market,
                  "spot market: advisor (by AWS's interruption classes), calm (no interruption), "
                  "replay:FILE (recorded availability)")
      ->type_name("MARKET");
  command.add_flag(
      "--no-lower-bound", options.no_lower_bound,
      "do not compute what the run could have cost at the least (faster with -o json)");
  command.add_flag("--wide", options.wide, "every record on a line of its own");
  CLI::Option* compared =
      command
          .add_option(
              "--compare", options.compare,
              "two files or folders: what set-up A and set-up B add to the files; both meet the "
              "same futures")
          ->expected(2)
          ->excludes(out)
          ->type_name("FILE");
  command.add_option("--seeds", options.seeds, "with --compare: how many futures, 1 to 10000")
      ->check(CLI::Range(1, 10000))
      ->needs(compared)
      ->type_name("NUMBER")
      ->option_text("NUMBER");
  return command;
}

// The subcommand of a name; nullptr where there is none.
const CLI::App* subcommand(const CLI::App& program, const std::string& name) {
  const auto all = program.get_subcommands([](const CLI::App*) { return true; });
  const auto at = std::find_if(all.begin(), all.end(),
                               [&](const CLI::App* each) { return each->get_name() == name; });
  return at == all.end() ? nullptr : *at;
}

int no_such_command(const CLI::App& program, const std::string& name) {
  if (name == "autoscaler" || name == "provisioner") {
    fmt::print(stderr,
               "gputide: {} runs only in simulations yet, as the command of a container; give its "
               "Deployment to gputide simulate -f\n",
               name);
    return kBadInput;
  }
  std::vector<std::string> names;
  for (const CLI::App* each : program.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(each->get_name());
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto meant = closest(name, candidates);
  fmt::print(stderr, "gputide: no command \"{}\"; {}gputide help lists them\n", name,
             meant ? fmt::format("did you mean {}? ", *meant) : "");
  return kBadInput;
}

// `gputide help [COMMAND]`.
int help(const CLI::App& program, const std::vector<std::string>& topic) {
  std::string before;
  const CLI::App* command = &program;
  for (const std::string& word : topic) {
    const CLI::App* below = subcommand(*command, word);
    if (below == nullptr) return no_such_command(program, word);
    before += (before.empty() ? "" : " ") + command->get_name();
    command = below;
  }
  fmt::print("{}", command->help(before));
  return kDone;
}

// The flag that was probably meant by one that there is not; "" = none is close.
std::string meant_flag(const CLI::App& command, const std::string& word) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  const std::vector<std::string_view> candidates(flags.begin(), flags.end());
  const auto meant = closest(word.substr(0, word.find('=')), candidates);
  return meant ? std::string(*meant) : "";
}

// What is wrong with the command line, and where to read on.
int refuse(const CLI::App& program, const CLI::ParseError& error) {
  std::string name = "gputide";
  const CLI::App* command = &program;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  std::string what = error.what();
  std::string remedy = name + " --help lists the flags";
  if (const auto rest = command->remaining(); !rest.empty()) {
    const bool flag = rest.front().starts_with("-");
    what = fmt::format("no {} {}", flag ? "flag" : "command", rest.front());
    const std::string meant = flag ? meant_flag(*command, rest.front()) : "";
    if (!meant.empty()) remedy = fmt::format("did you mean {}?", meant);
  } else if (name == "gputide explain") {
    what = "no pod is named";
    remedy = "write gputide explain pod NAME -f FILE ...";
  }
  fmt::print(stderr, "{}: {}; {}\n", name, what, remedy);
  return kBadInput;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App program("GPU capacity on Kubernetes from zero and back", "gputide");
  program.set_version_flag("--version", "gputide " GPUTIDE_VERSION);
  program.require_subcommand(1);
  program.footer(
      "Exit status: 0 done; 1 the work failed, or something was not found, placed or priced; 2 the "
      "input is wrong");

  CheckOptions check_options;
  PlanOptions plan_options;
  CostOptions cost_options;
  ExplainOptions explain_options;
  SimulateOptions simulate_options;
  std::vector<std::string> topic;
  const CLI::App& simulate_command = add_simulate(program, simulate_options);
  const CLI::App& plan_command = add_plan(program, plan_options);
  const CLI::App& cost_command = add_cost(program, cost_options);
  const CLI::App& explain_command = add_explain(program, explain_options);
  const CLI::App& check_command = add_check(program, check_options);
  CLI::App& help_command = *program.add_subcommand("help", "Say what a command does");
  help_command.add_option("COMMAND", topic)->type_name("");

  if (argc < 2) return help(program, {}), kBadInput;
  if (const std::string first = argv[1];
      !first.starts_with("-") && subcommand(program, first) == nullptr)
    return no_such_command(program, first);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? program.exit(error) : refuse(program, error);
  }
  if (simulate_command.parsed()) return simulate(simulate_options);
  if (plan_command.parsed())
    return plan_options.print_template.empty() ? plan(plan_options) : print_template(plan_options);
  if (cost_command.parsed()) return cost(cost_options);
  if (explain_command.parsed()) return explain(explain_options);
  if (check_command.parsed()) return check(check_options);
  return help(program, topic);
}

}  // namespace gputide::app
