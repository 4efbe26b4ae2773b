// NodeOverlays: what to believe of instance types instead of what AWS tells. Semantics are
// Karpenter's (core pkg/controllers/nodeoverlay, v1alpha1), whose gate NodeOverlay is off by
// default.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "decide/provisioning/node_pool_validation.h"
#include "decide/provisioning/provision.h"
#include "model/karpenter.h"

namespace gputide::provisioning {

/// What the API server or Karpenter refuses; such an overlay is left out.
Errors validate_node_overlay(const model::NodeOverlaySpec& spec);

/// The price after an overlay of `spec` that sets or adjusts it; it never falls below zero.
Money overlaid_price(const model::NodeOverlaySpec& spec, Money price);

/// Applies the overlays to what the pool is offered: prices of the offerings that an overlay
/// selects, capacity of the types of which it selects any. For each price and resource the overlay
/// of highest weight counts, of equal weights the last by name. Gives one sentence for each overlay
/// that was left out: because it is wrong, or because one of equal weight sets the same.
Errors apply_overlays(std::span<const model::NodeOverlay> overlays, const model::NodePool& pool,
                      std::vector<ProviderType>& types);

}  // namespace gputide::provisioning
