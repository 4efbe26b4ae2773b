// Documents -> Objects: which kind a document is, whether the API server would take it, and its
// typed form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "model/object.h"
#include "model/plugin_config.h"

namespace gputide::codec {

/// Reads every document of a YAML (or JSON) text. What the real program would refuse is an error in
/// `diagnostics`, at its line, with what to write instead; kinds that nobody here knows are kept
/// and named in a warning. Lists (kind: List) are opened. The objects of a file with errors are
/// returned too, for further checks.
std::vector<model::Object> read_objects(std::string_view text, const std::string& file,
                                        Diagnostics& diagnostics);

/// Turns one document into an Object, as read_objects does. `text` is the whole file's; without it
/// findings come without edits that need it.
model::Object read_object(model::Value document, const std::string& file, Diagnostics& diagnostics,
                          std::string_view text = {});

/// The document that an Object's typed form means: read_object's inverse, but for places, the order
/// of keys, and values that say no more than their absence (null, 0, false, "", [], {}).
model::Value encode_object(const model::Object& object);

/// Reads the text of one key of a device plugin ConfigMap. `file` and `where` are the ConfigMap's
/// value's.
model::PluginConfig read_plugin_config(std::string_view text, const std::string& file,
                                       Diagnostics& diagnostics);

// Single kinds from plain JSON values, for data that programs made.
template <class Kind>
Kind read_kind(const model::Value& value, const std::string& file, Diagnostics& diagnostics);

}  // namespace gputide::codec
