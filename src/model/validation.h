// The rules that names, keys and values of Kubernetes objects keep, with the API server's texts.
// Source: k8s.io/apimachinery/pkg/util/validation 0.31. Each answers what is wrong: empty = valid.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gputide::model {

using Problems = std::vector<std::string>;

/// Keys of labels, annotations, taints, extended resources: [prefix/]name.
Problems check_qualified_name(std::string_view text);
Problems check_label_value(std::string_view text);
Problems check_dns1123_label(std::string_view text);
Problems check_dns1123_subdomain(std::string_view text);
Problems check_dns1035_label(std::string_view text);
Problems check_wildcard_dns1123_subdomain(std::string_view text);
Problems check_c_identifier(std::string_view text);
Problems check_port_name(std::string_view text);
Problems check_http_header_name(std::string_view text);
Problems check_env_var_name(std::string_view text);
Problems check_config_map_key(std::string_view text);
Problems check_percent(std::string_view text);

// With a field path, the way the API server tells a user: `f: Invalid value: "a": must be ...`.
Problems check_fully_qualified_name(const std::string& path, std::string_view text);
Problems check_fully_qualified_domain_name(const std::string& path, std::string_view text);
Problems check_domain_prefixed_path(const std::string& path, std::string_view text);
Problems check_finalizer(const std::string& path, std::string_view text);
/// Addresses as Kubernetes reads them: octets may have leading zeros.
Problems check_ip(const std::string& path, std::string_view text);
Problems check_ipv4(const std::string& path, std::string_view text);
Problems check_ipv6(const std::string& path, std::string_view text);
Problems check_cidr(const std::string& path, std::string_view text);

/// Names of objects, by the rule of their kind. As a prefix (generateName) a trailing '-' is fine.
enum class NameRule { DnsSubdomain, DnsLabel, Dns1035Label };
Problems check_name(NameRule rule, std::string_view text, bool as_prefix);

/// Appends one such line for each problem.
void add_invalid(Problems& out, std::string_view path, std::string_view value,
                 const Problems& problems);
/// `path: Invalid value: "value": detail`, with `value` quoted as Go does.
std::string invalid_value(std::string_view path, std::string_view value, std::string_view detail);

}  // namespace gputide::model
