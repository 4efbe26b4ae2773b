#include "sim/billing.h"

#include <algorithm>

#include "base/check.h"

namespace gputide::sim {
namespace {

void add(CloudCost& to, const CloudCost& cost) {
  to.total += cost.total;
  to.gpu += cost.gpu;
  to.idle_gpu += cost.idle_gpu;
}

}  // namespace

BillingLedger::Bill& BillingLedger::bill(Number instance) {
  if (bills_.size() <= instance) bills_.resize(instance + 1);
  return bills_[instance];
}

void BillingLedger::start(Number instance, const model::InstanceType& type, model::Market market,
                          PriceProcess& price, Instant now) {
  Bill& opened = bill(instance);
  GPUTIDE_CHECK(opened.price == nullptr);
  opened.type = &type;
  opened.market = market;
  opened.price = &price;
  opened.from = now;
  opened.use_from = now;
  running_.push_back(instance);
}

void BillingLedger::stop(Number instance, Instant now, bool reclaimed_by_aws) {
  Bill& closed = bill(instance);
  if (closed.price == nullptr || closed.stopped) return;
  closed.to = now;
  closed.stopped = true;
  closed.free = reclaimed_by_aws && now - closed.from < Duration::hours(1);
  running_.erase(std::find(running_.begin(), running_.end(), instance));
  const Line final = line(closed, now);
  add(closed_, final.cost);
  closed_gpu_.used_ms += final.gpu.used_ms;
  closed_gpu_.bought_ms += final.gpu.bought_ms;
  CostOfType& type = closed_by_type_[{closed.type->name, closed.market}];
  ++type.instances;
  type.billed_seconds += final.seconds;
  type.cost += final.cost.total;
}

void BillingLedger::set_gpu_use(Number instance, std::int64_t used, std::int64_t of, Instant now) {
  Bill& changed = bill(instance);
  if (changed.price == nullptr || changed.stopped) return;
  GPUTIDE_CHECK(used >= 0 && used <= of);
  add_use(changed, now, changed.idle, changed.used_gpu_time);
  changed.use_from = now;
  changed.used = used;
  changed.of = of;
}

Instant BillingLedger::billed_until(const Bill& bill, Instant now) {
  const Duration second = Duration::seconds(1);
  const Duration span = (bill.stopped ? bill.to : now) - bill.from;
  const std::int64_t whole = (span.nanoseconds() + second.nanoseconds() - 1) / second.nanoseconds();
  return bill.from + second * std::max<std::int64_t>(whole, 60);
}

void BillingLedger::add_use(const Bill& bill, Instant until, __int128& idle, __int128& used) {
  if (until <= bill.use_from) return;
  const __int128 all = bill.price->integral(bill.use_from, until);
  const __int128 span = (until - bill.use_from).nanoseconds();
  if (bill.of == 0) {
    idle += all;
    return;
  }
  idle += all * (bill.of - bill.used) / bill.of;
  used += span * bill.type->visible_gpus() * bill.used / bill.of;
}

BillingLedger::Line BillingLedger::line(const Bill& bill, Instant now) {
  Line result;
  if (bill.price == nullptr) return result;
  const Instant until = billed_until(bill, now);
  const Instant end = bill.stopped ? bill.to : now;
  result.seconds = (until - bill.from).whole_seconds();
  if (!bill.free) result.cost.total = money_of(bill.price->integral(bill.from, until));
  const std::int64_t gpus = bill.type->visible_gpus();
  if (gpus == 0) return result;
  result.cost.gpu = result.cost.total;
  __int128 idle = bill.idle;
  __int128 used = bill.used_gpu_time;
  add_use(bill, end, idle, used);
  idle += bill.price->integral(end, until);  // begun seconds, and the rest of the first minute
  if (!bill.free) result.cost.idle_gpu = std::min(money_of(idle), result.cost.total);
  constexpr std::int64_t kMillisecond = 1'000'000;
  result.gpu.used_ms = static_cast<std::int64_t>(used / kMillisecond);
  result.gpu.bought_ms = (until - bill.from).nanoseconds() / kMillisecond * gpus;
  return result;
}

Money BillingLedger::cost_of(Number instance, Instant now) const {
  return instance < bills_.size() ? line(bills_[instance], now).cost.total : Money();
}

std::int64_t BillingLedger::billed_seconds(Number instance, Instant now) const {
  return instance < bills_.size() ? line(bills_[instance], now).seconds : 0;
}

CloudCost BillingLedger::total(Instant now) const {
  CloudCost sum = closed_;
  for (const Number instance : running_) add(sum, line(bills_[instance], now).cost);
  return sum;
}

GpuTime BillingLedger::gpu_time(Instant now) const {
  GpuTime sum = closed_gpu_;
  for (const Number instance : running_) {
    const Line open = line(bills_[instance], now);
    sum.used_ms += open.gpu.used_ms;
    sum.bought_ms += open.gpu.bought_ms;
  }
  return sum;
}

std::vector<CostOfType> BillingLedger::by_type(Instant now) const {
  auto sums = closed_by_type_;
  for (const Number instance : running_) {
    const Bill& open = bills_[instance];
    const Line so_far = line(open, now);
    CostOfType& type = sums[{open.type->name, open.market}];
    ++type.instances;
    type.billed_seconds += so_far.seconds;
    type.cost += so_far.cost.total;
  }
  std::vector<CostOfType> list;
  for (auto& [key, type] : sums) {
    type.instance_type = key.first;
    type.market = key.second;
    list.push_back(std::move(type));
  }
  return list;
}

}  // namespace gputide::sim
