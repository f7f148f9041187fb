// Several processes that train one agent together, each with its part of every batch: how what they compute
// becomes one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"
#include "base/error.h"
#include "base/scoped.h"

namespace saccade::nn {

/// Thrown on every member at the same point, and so nothing to tell the others of: what one of them computed
/// cannot be used.
struct DoubtError : Error {
  using Error::Error;
};

/// All calls but those that say otherwise are collective: every member makes the same ones in the same order.
/// Results are the same bits on every member, and depend on the members' number and nothing else. Whatever
/// keeps members from each other is thrown as an Error that names the member.
class Team {
 public:
  virtual ~Team() = default;
  virtual int rank() const = 0;  // from 0
  virtual int size() const = 0;

  /// What each member gives, in order of rank.
  virtual std::vector<std::string> gather(std::string_view mine) = 0;
  /// x <- the sum of all members' x, which are added in order of rank.
  virtual void add_up(std::span<float> x) = 0;
  virtual void add_up(std::span<double> x) = 0;
  /// From one member to another, of any size; not collective.
  virtual void send(int to, std::string_view bytes) = 0;
  virtual std::string receive(int from) = 0;
  /// The same if something has been sent, and nothing otherwise.
  virtual std::optional<std::string> try_receive(int from) = 0;
  /// Not collective: a member that works at something long says now and then that it does, lest the others
  /// think it dead.
  virtual void alive() {}
  /// Not collective: this member ends, and why. The others throw an Error with it where they next wait. What
  /// to say of the end: that reason, or the member that was lost before.
  virtual std::string failed(const std::string& reason) { return reason; }

  /// This member's part of every mean over a batch. Those of all members add up to 1. Not collective.
  void set_share(double share) { share_ = share; }
  double share() const { return share_; }

  /// Means over the whole batch of what each member has as means over its part. Of tensors of one dtype: new
  /// ones, outside any graph, side by side in memory. DoubtError, on every member, if one has raised a doubt
  /// since the last one.
  TensorList average(const TensorList& parts);
  void average(std::span<double> parts);
  /// The same of one tensor, with a gradient. Let L = sum_r w_r L_r be the loss that all members have
  /// together, w_r member r's share, and m = sum_r w_r m_r. Then d L / d m_r = w_r sum_s w_s d L_s / d m; the
  /// w_r in front is the one by which every member's gradients are weighted when they are averaged, and so
  /// the gradient of this average is this average.
  Tensor average(const Tensor& part);

  double max(double mine);
  bool any(bool mine);
  std::vector<std::vector<double>> gather(std::span<const double> mine);

  /// This member cannot go on, but for the others it is better if it does until the next average, where all
  /// of them stop with this message. Not collective.
  void doubt(const std::string& message);

 private:
  [[noreturn]] void settle();

  double share_ = 1;
  std::string doubt_;
};

namespace detail {
extern constinit thread_local Team* current_team;
}

/// The team that this thread trains in, or null.
inline Team* team() { return detail::current_team; }
inline int team_size() { return team() == nullptr ? 1 : team()->size(); }
/// Whether what is done once for all members, such as writing files, is to be done here.
inline bool leads() { return team() == nullptr || team()->rank() == 0; }

/// While alive, this thread trains in a team; null: alone.
class InTeam : Scoped<Team*> {
 public:
  [[nodiscard]] explicit InTeam(Team* team) : Scoped(detail::current_team, team) {}
};

}  // namespace saccade::nn
