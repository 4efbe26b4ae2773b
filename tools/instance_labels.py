#!/usr/bin/env python3
"""Writes src/decide/pricing/data/instance_labels.tsv: what Karpenter's labels say of instance types beyond their size.

    tools/instance_labels.py INSTANCE_TYPES_MD DATE [OUTPUT]

INSTANCE_TYPES_MD is website/content/en/preview/reference/instance-types.md of aws/karpenter-provider-aws, DATE that of its
commit. Types and values are taken over, in byte order; see the README.md beside the table.
"""
import re
import sys

COLUMNS = {"cpu-manufacturer": "cpu_maker", "cpu-sustained-clock-speed-mhz": "cpu_mhz", "ebs-bandwidth": "ebs_mbps",
           "local-nvme": "local_nvme_gb", "encryption-in-transit-supported": "encryption_in_transit"}


def read(path):
    types, labels = {}, None
    for line in open(path, encoding="utf-8"):
        if heading := re.match(r"### `(.+)`", line):
            labels = types.setdefault(heading[1], {})
        elif label := re.match(r" \|karpenter\.k8s\.aws/instance-([a-z-]+)\|(.*)\|", line):
            labels[label[1]] = label[2]
    return types


def cell(column, value):
    return {"true": "E", "false": ""}[value] if column == "encryption-in-transit-supported" else value


def main():
    source, date = sys.argv[1:3]
    output = sys.argv[3] if len(sys.argv) > 3 else "src/decide/pricing/data/instance_labels.tsv"
    types = read(source)
    with open(output, "w", newline="\n") as file:
        file.write(f"# What Karpenter's labels say of EC2 instance types. Origin: aws/karpenter-provider-aws (Apache-2.0),\n"
                   f"# reference/instance-types.md of {date}. Made by tools/instance_labels.py; see README.md.\n")
        file.write("\t".join(["type", *COLUMNS.values()]) + "\n")
        for name in sorted(types, key=str.encode):
            file.write("\t".join([name, *(cell(c, types[name].get(c, "")) for c in COLUMNS)]) + "\n")


if __name__ == "__main__":
    main()
