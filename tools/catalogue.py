#!/usr/bin/env python3
"""Writes the embedded tables of src/decide/pricing/data from the data folder beside the repository.

    tools/catalogue.py [DATA_FOLDER] [OUTPUT_FOLDER]     (default: ../shared/data, src/decide/pricing/data)

Origins and dates are named in src/decide/pricing/data/README.md. The tables are tab-separated, sorted by type,
with one header line; lines that begin with '#' say where the facts come from.
"""
import csv
import os
import re
import statistics
import sys
from decimal import ROUND_HALF_UP, Decimal

HOME_REGION = "us-east-1"  # the region whose price list is complete
FRACTIONAL = {"g6f.large": 1, "g6f.xlarge": 1, "g6f.2xlarge": 2, "g6f.4xlarge": 4, "gr6f.4xlarge": 4}
BASIS_MARK = {"listed": "", "family_ratio": "f", "region_ratio": "r"}


def read(folder, name):
    with open(os.path.join(folder, name), newline="") as file:
        return list(csv.DictReader(file))


def write(folder, name, origin, header, rows):
    with open(os.path.join(folder, name), "w", newline="\n") as file:
        for line in origin:
            file.write(f"# {line}\n")
        file.write("\t".join(header) + "\n")
        for row in rows:
            file.write("\t".join(row) + "\n")


def byte_order(name):
    """The order in which the program searches."""
    return name.encode()


def max_pods(row):
    if not row["enis"]:
        return ""
    return str(int(row["enis"]) * (int(row["ipv4_per_eni"]) - 1) + 2)


def instance_type_rows(types):
    for row in sorted(types, key=lambda r: byte_order(r["instance_type"])):
        assert row["max_pods"] == max_pods(row), row["instance_type"]
        name = row["instance_type"]
        flags = {"listed": "", "retired": "R", "mac_or_unlisted": "U"}[row["status"]]
        flags += "M" if row["bare_metal"] == "true" else ""
        flags += "C" if row["current_generation"] == "true" else ""
        yield [name, row["arch"], row["vcpu"], row["memory_mib"],
               "" if row["gpu_count"] == "0" else row["gpu_count"], str(FRACTIONAL.get(name, "")),
               row["gpu_name"], row["gpu_memory_mib_each"], row["gpu_manufacturer"], row["other_accelerator"],
               row["enis"], row["ipv4_per_eni"],
               row["enis_all_cards"] if row["enis_all_cards"] != row["enis"] else "",
               row["network_mbps"], row["hypervisor"], flags]


def text(amount):
    rounded = Decimal(amount).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
    return format(rounded.normalize(), "f")


def region_ratio(prices, region, family):
    """What `region` charges for one us-east-1 dollar: of g4dn for GPU families where known, else the median."""
    def ratio(types):
        known = [float(prices[region, t][0]) / float(prices[HOME_REGION, t][0]) for r, t in prices
                 if r == region and (HOME_REGION, t) in prices and types(t) and prices[r, t][1] == "listed"]
        return statistics.median(known) if known else None
    gpu = ratio(lambda t: t.startswith("g4dn.")) if re.match(r"(g|gr|p)\d", family) else None
    return gpu or ratio(lambda t: True)


def add_estimates(prices, spot):
    """A type that the Spot Advisor names in a region is offered there; its price is estimated where it is unknown."""
    priced_regions = {r for r, _ in prices}
    ratios = {}
    for region, name in sorted({(r["region"], r["instance_type"]) for r in spot}):
        if region not in priced_regions or (region, name) in prices or (HOME_REGION, name) not in prices:
            continue
        family = name.split(".")[0]
        key = (region, family)
        if key not in ratios:
            ratios[key] = region_ratio(prices, region, family)
        if ratios[key]:
            amount = Decimal(prices[HOME_REGION, name][0]) * Decimal(repr(round(ratios[key], 4)))
            prices[region, name] = (str(amount.quantize(Decimal("0.0001"))), "region_ratio")


def price_rows(prices, regions):
    for name in sorted({t for _, t in prices}, key=byte_order):
        cells = []
        for region in regions:
            amount, basis = prices.get((region, name), ("", ""))
            if basis == "assumed_equal_us-east-1":
                cells.append("=")
            elif amount:
                cells.append(BASIS_MARK[basis] + text(amount))
            else:
                cells.append("")
        yield [name] + cells


def spot_rows(spot, regions):
    cells = {(r["region"], r["instance_type"]): f'{r["interruption_class"]}{r["savings_over_on_demand_pct"]}' for r in spot}
    for name in sorted({t for _, t in cells}, key=byte_order):
        yield [name] + [cells.get((region, name), "") for region in regions]


def main():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    data = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "shared", "data")
    out = sys.argv[2] if len(sys.argv) > 2 else os.path.join(here, "src", "decide", "pricing", "data")
    types = read(data, "ec2-instance-types.csv")
    spot = read(data, "spot-interruption-frequency.csv")
    prices = {(r["region"], r["instance_type"]): (r["usd_per_hour"], r["basis"])
              for r in read(data, "ec2-on-demand-prices.csv")}
    regions = sorted({r for r, _ in prices}, key=lambda r: (r != HOME_REGION, r))
    add_estimates(prices, spot)
    write(out, "instance_types.tsv",
          ["EC2 instance types. Origin: aws/karpenter-provider-aws (Apache-2.0), types of 2026-07-11, ENI limits of",
           "2026-08-06; retired types from its older releases. Made by tools/catalogue.py; see README.md."],
          ["type", "arch", "vcpu", "memory_mib", "gpus", "gpu_eighths", "gpu_name", "gpu_memory_mib", "gpu_maker",
           "accelerators", "enis", "ipv4_per_eni", "enis_all_cards", "network_mbps", "hypervisor",
           "flags"],
          instance_type_rows(types))
    write(out, "on_demand.tsv",
          ["On-demand prices, USD per hour, Linux, shared tenancy. Origin: aws/karpenter-provider-aws (Apache-2.0),",
           "2026-07-20; other regions ec2instances.info (MIT), 2019-04-05, where unchanged since. '=' as in us-east-1;",
           "f by the family's ratio to us-east-1; r by the region's ratio. Made by tools/catalogue.py; see README.md."],
          ["type"] + regions, price_rows(prices, regions))
    spot_regions = sorted({r["region"] for r in spot})
    write(out, "spot.tsv",
          ["Spot: interruption class (first digit, 0-4) and saving over on-demand in percent. Origin: AWS Spot Instance",
           "Advisor feed as kept by alexei-led/spotinfo (Apache-2.0), 2025-06-28. Made by tools/catalogue.py."],
          ["type"] + spot_regions, spot_rows(spot, spot_regions))


if __name__ == "__main__":
    main()
