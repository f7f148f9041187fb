// A team of processes that Open MPI, or another MPI, has started.
#pragma once

#include <mpi.h>

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/team.h"

namespace saccade::rl {

/// All of MPI_COMM_WORLD, between MPI_Init and MPI_Finalize.
///
/// Only messages from one process to another are used, and sums are made here, in order of rank:
/// MPI_Allreduce promises no order, and takes another algorithm for another size, number of processes or
/// version. A long sum is cut into as many parts as there are members; each gets its part from all, adds, and
/// gives the sum to all.
///
/// Nothing waits for ever. Where a member has neither sent what it should nor word that it is alive for so
/// many seconds, an Error names it; where one has failed, an Error says why.
class MpiTeam final : public nn::Team {
 public:
  explicit MpiTeam(std::chrono::duration<double> patience);
  ~MpiTeam() override;
  MpiTeam(const MpiTeam&) = delete;
  MpiTeam& operator=(const MpiTeam&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::vector<std::string> gather(std::string_view text) override;
  using nn::Team::gather;
  void add_up(std::span<float> x) override { add(x, MPI_FLOAT); }
  void add_up(std::span<double> x) override { add(x, MPI_DOUBLE); }
  void send(int to, std::string_view bytes) override;
  std::string receive(int from) override;
  std::optional<std::string> try_receive(int from) override;
  void alive() override;
  std::string failed(const std::string& reason) override;

  /// A member does not answer: MPI's own end would wait for it.
  bool has_lost_one() const { return lost_ >= 0; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    MPI_Request request;
  };

  template <class T>
  void add(std::span<T> x, MPI_Datatype type);
  template <class T>
  void add_short(std::span<T> x, MPI_Datatype type);
  template <class T>
  void add_long(std::span<T> x, MPI_Datatype type);
  /// Until all are done.
  void wait(std::vector<Pending>& pending);
  void wait_for(std::vector<Pending>& pending);
  void give_up(std::vector<Pending>& pending);
  /// What another gives to gather().
  std::string text_from(int member);
  /// Until ready() says so.
  void wait_until(const std::function<bool()>& ready);
  void look_around();
  void hear_notes();
  void tell(int to, std::string_view note);
  void check();
  void expect(bool same, int from) const;
  [[noreturn]] void lose(int member);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::chrono::duration<double> patience_;
  std::vector<Clock::time_point> heard_;   // from each member, since this one began to wait
  std::vector<Clock::time_point> polled_;  // the same for try_receive(), which does not wait
  Clock::time_point told_ = Clock::now(), looked_ = told_;
  std::vector<std::string> hosts_;
  std::vector<char> scratch_;
  std::vector<Pending> pending_;
  int lost_ = -1;        // a member that did not answer
  std::string failure_;  // of a member, as it told
  bool knows_ = false;   // the others know that all is over
};

}  // namespace saccade::rl
