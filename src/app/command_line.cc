// The command line: names and texts of every subcommand and flag. The only place that sees CLI11.
#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "app/commands.h"

namespace gputide::app {
namespace {

void add_input(CLI::App& command, InputOptions& input) {
  command.add_option("-f,--filename,FILE", input.paths,
                     "YAML or JSON file, directory of such files, or - for standard input; may be "
                     "given several times");
  command.add_flag("-R,--recursive", input.recursive, "read directories below directories too");
  command.add_option("--prices", input.prices,
                     "spot prices: a file with the JSON of aws ec2 describe-spot-price-history");
  command.add_option("--instance-types", input.instance_types,
                     "instance types: a file with the JSON of aws ec2 describe-instance-types");
}

void add_reservations(CLI::App& command, InputOptions& input) {
  command.add_option("--capacity-reservations", input.reservations,
                     "capacity reservations: a file with the JSON of aws ec2 "
                     "describe-capacity-reservations");
}

void add_output(CLI::App& command, Output& output) {
  command.add_option("-o,--output", output, "how to say it (default: text)")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Output>{{"text", Output::Text}, {"json", Output::Json}}))
      ->option_text("text|json");
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
  command.add_option("--region", options.region,
                     "AWS region of the NodePools, where their zones do not tell");
  command.add_flag("--bound-certificate", options.certificate,
                   "print the proof of the lower bound: what each pod must cost at the least");
  command.add_option("--print-template", options.print_template,
                     "instead: what a node of this instance type offers, before there is one");
  command.add_option("--config", options.config,
                     "with --print-template: the device plugin's configuration file");
  command.add_option("--mig-config", options.mig_config,
                     "with --print-template: the node's label nvidia.com/mig.config");
  command
      .add_option("--zones", options.zones, "zones to buy in (default: a, b and c of the region)")
      ->delimiter(',');
  return command;
}

CLI::App& add_cost(CLI::App& program, CostOptions& options) {
  CLI::App& command = *program.add_subcommand(
      "cost", "Say what the cluster of these files costs, empty, full and for its pods");
  add_input(command, options.input);
  add_reservations(command, options.input);
  add_output(command, options.output);
  command.add_option("--region", options.region,
                     "AWS region of the NodePools, where their zones do not tell");
  command
      .add_option("--zones", options.zones,
                  "zones of the NodePools (default: a, b and c of the region)")
      ->delimiter(',');
  command
      .add_option(
          "--compare", options.compare,
          "two files or folders: what A, before a change, and B, after it, add to the files")
      ->expected(2);
  return command;
}

CLI::App& add_explain(CLI::App& program, ExplainOptions& options) {
  CLI::App& group = *program.add_subcommand(
      "explain", "Say why a pod waits in a simulated cluster, and what would help");
  group.require_subcommand(1);
  CLI::App& command =
      *group.add_subcommand("pod", "Say where a pod is, or what keeps it off each pool");
  command.add_option("NAME", options.name, "the pod, or the workload that makes it")->required();
  command.add_option("-n,--namespace", options.namespace_, "its namespace (default: default)");
  add_input(command, options.input);
  add_reservations(command, options.input);
  add_output(command, options.output);
  command.add_option("--at", options.at, "the moment, such as 20m (default: the end of the run)");
  command.add_option("--seed", options.seed, "names the future (over the Scenario's)");
  command.add_option("--market", options.market, "spot market, as simulate's");
  return command;
}

CLI::App& add_simulate(CLI::App& program, SimulateOptions& options) {
  CLI::App& command = *program.add_subcommand(
      "simulate",
      "Run these files in a simulated cluster: what will happen, and what will it cost?");
  add_input(command, options.input);
  add_output(command, options.output);
  command.add_option("--out", options.out,
                     "folder for result.json, events.jsonl, report.html and the series as CSV");
  command.add_option("--until", options.until, "end of the run, such as 2h (over the Scenario's)");
  command.add_option("--seed", options.seed, "names the future (over the Scenario's)");
  command.add_option(
      "--market", options.market,
      "spot market: advisor (by AWS's interruption classes), calm (no interruption), "
      "replay:FILE (recorded availability)");
  command.add_flag(
      "--no-lower-bound", options.no_lower_bound,
      "do not compute what the run could have cost at the least (faster with -o json)");
  command.add_flag("--wide", options.wide, "every record on a line of its own");
  command
      .add_option(
          "--compare", options.compare,
          "two files or folders: what set-up A and set-up B add to the files; both meet the "
          "same futures")
      ->expected(2);
  command.add_option("--seeds", options.seeds, "with --compare: how many futures")
      ->check(CLI::Range(1, 10000));
  return command;
}

// `gputide help [COMMAND]`.
int help(const CLI::App& program, const std::string& topic) {
  if (topic.empty()) {
    fmt::print("{}", program.help());
    return kDone;
  }
  for (const CLI::App* command : program.get_subcommands(nullptr)) {
    if (command->get_name() != topic) continue;
    fmt::print("{}", command->help());
    return kDone;
  }
  fmt::print(stderr, "gputide: no command \"{}\"; gputide help lists them\n", topic);
  return kBadInput;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App program("GPU capacity on Kubernetes from zero and back", "gputide");
  program.set_version_flag("--version", "gputide " GPUTIDE_VERSION);
  program.require_subcommand(1);

  CheckOptions check_options;
  PlanOptions plan_options;
  CostOptions cost_options;
  ExplainOptions explain_options;
  SimulateOptions simulate_options;
  std::string topic;
  const CLI::App& simulate_command = add_simulate(program, simulate_options);
  const CLI::App& plan_command = add_plan(program, plan_options);
  const CLI::App& cost_command = add_cost(program, cost_options);
  const CLI::App& explain_command = add_explain(program, explain_options);
  const CLI::App& check_command = add_check(program, check_options);
  CLI::App& help_command = *program.add_subcommand("help", "Say what a command does");
  help_command.add_option("COMMAND", topic);

  if (argc < 2) return help(program, {}), kBadInput;
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? kDone : kBadInput;
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
