#include "rl/distributed/mpi_team.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace saccade::rl {

namespace {

constexpr int kData = 1, kText = 2, kNote = 3;
constexpr char kAlive = 'a', kFailed = 'f', kLost = 'l';
// Up to this, what counts is how often a message goes back and forth, and not its size.
constexpr std::size_t kShort = 1024;
constexpr std::size_t kPiece = std::size_t{1} << 28;  // sizes of messages are ints
constexpr std::chrono::milliseconds kSpin{2};
constexpr std::chrono::microseconds kNap{100};
constexpr std::chrono::milliseconds kAliveEvery{500};
constexpr std::chrono::seconds kFarewell{2};

// Where the i-th of n parts of so many begins.
std::size_t begin_of(std::size_t i, std::size_t n, std::size_t size) { return i * size / n; }

void must(int result, const char* what) {
  if (result == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(result, text, &length);
  throw Error(fmt::format("{}: {}", what, std::string(text, static_cast<std::size_t>(length))));
}

}  // namespace

MpiTeam::MpiTeam(std::chrono::duration<double> patience) : patience_(patience) {
  // Of its own, so that no message is taken for another library's, and errors come back to us.
  must(MPI_Comm_dup(MPI_COMM_WORLD, &comm_), "MPI_Comm_dup");
  MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
  MPI_Comm_rank(comm_, &rank_);
  MPI_Comm_size(comm_, &size_);
  heard_.assign(static_cast<std::size_t>(size_), Clock::now());
  polled_ = heard_;
  char name[MPI_MAX_PROCESSOR_NAME];
  int length = 0;
  MPI_Get_processor_name(name, &length);
  hosts_ = gather(std::string_view(name, static_cast<std::size_t>(length)));
}

MpiTeam::~MpiTeam() = default;  // the communicator goes with MPI_Finalize: to free it is collective

// ---- waiting ----

void MpiTeam::lose(int member) {
  lost_ = member;
  failure_ = fmt::format(
      "rank {}{} has not answered for {} s, and the run ends; its last checkpoint is good", member,
      hosts_.empty() ? "" : " on " + printable(hosts_[static_cast<std::size_t>(member)]), patience_.count());
  throw Error(failure_);
}

// One that was stopped itself, and goes on, must not take the others for dead because it has heard nothing
// meanwhile. So this is the time by which silence is judged: it may be stopped right after, too.
void MpiTeam::look_around() {
  const Clock::time_point now = Clock::now();
  if (now - looked_ > patience_ / 2) {
    std::fill(heard_.begin(), heard_.end(), now);
    std::fill(polled_.begin(), polled_.end(), now);
  }
  looked_ = now;
}

void MpiTeam::hear_notes() {
  look_around();
  for (;;) {
    int there = 0;
    MPI_Message message;
    MPI_Status status;
    must(MPI_Improbe(MPI_ANY_SOURCE, kNote, comm_, &there, &message, &status), "MPI_Improbe");
    if (there == 0) return;
    int size = 0;
    MPI_Get_count(&status, MPI_CHAR, &size);
    std::string note(static_cast<std::size_t>(size), '\0');
    must(MPI_Mrecv(note.data(), size, MPI_CHAR, &message, MPI_STATUS_IGNORE), "MPI_Mrecv");
    const auto from = static_cast<std::size_t>(status.MPI_SOURCE);
    heard_[from] = polled_[from] = Clock::now();
    if (note.empty() || note[0] == kAlive) continue;
    knows_ = true;
    if (note[0] == kLost) {  // "l2 rank 2 on ...": all say the same of it
      lost_ = std::atoi(note.c_str() + 1);
      if (lost_ == rank_) std::_Exit(1);  // the others have ended without this one, and said so
      failure_ = note.substr(note.find(' ') + 1);
    } else {
      failure_ = fmt::format("rank {}: {}", status.MPI_SOURCE, note.substr(1));
    }
    throw Error(failure_);
  }
}

void MpiTeam::check() {
  if (!failure_.empty()) throw Error(failure_);
}

// At first without a pause, which costs others nothing while every member has a processor; then with pauses,
// so that one that works at something long has it for itself. Whom this one waits for may itself wait for
// another, so the silent one counts.
void MpiTeam::wait_until(const std::function<bool()>& ready) {
  if (ready()) return;
  const Clock::time_point start = Clock::now();
  looked_ = start;
  std::fill(heard_.begin(), heard_.end(), start);
  while (!ready()) {
    hear_notes();
    const Clock::time_point now = looked_;
    heard_[static_cast<std::size_t>(rank_)] = now;
    const auto silent = std::min_element(heard_.begin(), heard_.end());
    if (now - *silent > patience_) lose(static_cast<int>(silent - heard_.begin()));
    if (now - start > kAliveEvery) alive();
    if (now - start > kSpin) {
      std::this_thread::sleep_for(kNap);
    } else {
      ::sched_yield();
    }
  }
}

// What is given up on failure is given up in MPI too, which would use memory that is another's then.
void MpiTeam::give_up(std::vector<Pending>& pending) {
  for (Pending& p : pending) {
    if (p.request == MPI_REQUEST_NULL) continue;
    MPI_Cancel(&p.request);
    MPI_Request_free(&p.request);
  }
}

void MpiTeam::wait(std::vector<Pending>& pending) {
  try {
    wait_for(pending);
  } catch (...) {
    give_up(pending);
    throw;
  }
}

void MpiTeam::wait_for(std::vector<Pending>& pending) {
  wait_until([&] {
    std::erase_if(pending, [](Pending& p) {
      int done = 0;
      must(MPI_Test(&p.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      return done != 0;
    });
    return pending.empty();
  });
}

// ---- messages ----

// What comes is compared with a hash that came with it: one that gives up while another reads from its
// memory, as MPI lets it, may have something else there by then.
void MpiTeam::expect(bool same, int from) const {
  if (!same) throw Error(fmt::format("what rank {} sent is not what came", from));
}

std::vector<std::string> MpiTeam::gather(std::string_view text) {
  check();
  const std::uint64_t hash = fnv1a(text);
  std::string mine(reinterpret_cast<const char*>(&hash), sizeof(hash));
  mine += text;
  std::vector<Pending> sent;
  std::vector<std::string> all(static_cast<std::size_t>(size_));
  try {
    for (int to = 0; to < size_; ++to) {
      if (to == rank_) continue;
      must(MPI_Isend(mine.data(), static_cast<int>(mine.size()), MPI_CHAR, to, kText, comm_,
                     &sent.emplace_back(Pending{MPI_REQUEST_NULL}).request),
           "MPI_Isend");
    }
    for (int from = 0; from < size_; ++from) {
      all[static_cast<std::size_t>(from)] = from == rank_ ? std::string(text) : text_from(from);
    }
  } catch (...) {
    give_up(sent);
    throw;
  }
  wait(sent);
  return all;
}

std::string MpiTeam::text_from(int member) {
  MPI_Message message;
  MPI_Status status;
  wait_until([&] {
    int there = 0;
    must(MPI_Improbe(member, kText, comm_, &there, &message, &status), "MPI_Improbe");
    return there != 0;
  });
  int size = 0;
  MPI_Get_count(&status, MPI_CHAR, &size);
  std::string text(static_cast<std::size_t>(size), '\0');
  std::vector<Pending> pending(1, {MPI_REQUEST_NULL});
  must(MPI_Imrecv(text.data(), size, MPI_CHAR, &message, &pending[0].request), "MPI_Imrecv");
  wait(pending);
  std::uint64_t hash = 0;
  expect(text.size() >= sizeof(hash), member);
  std::memcpy(&hash, text.data(), sizeof(hash));
  text.erase(0, sizeof(hash));
  expect(fnv1a(text) == hash, member);
  return text;
}

void MpiTeam::send(int to, std::string_view bytes) {
  check();
  const std::array<std::uint64_t, 2> size_and_hash = {bytes.size(), fnv1a(bytes)};
  std::vector<Pending> pending(1, {MPI_REQUEST_NULL});
  must(MPI_Isend(size_and_hash.data(), 2, MPI_UINT64_T, to, kData, comm_, &pending[0].request), "MPI_Isend");
  wait(pending);
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    pending.assign(1, {MPI_REQUEST_NULL});
    must(MPI_Isend(piece.data(), static_cast<int>(piece.size()), MPI_CHAR, to, kData, comm_,
                   &pending[0].request),
         "MPI_Isend");
    wait(pending);
    bytes.remove_prefix(piece.size());
  }
}

std::string MpiTeam::receive(int from) {
  check();
  std::array<std::uint64_t, 2> size_and_hash = {};
  std::vector<Pending> pending(1, {MPI_REQUEST_NULL});
  must(MPI_Irecv(size_and_hash.data(), 2, MPI_UINT64_T, from, kData, comm_, &pending[0].request),
       "MPI_Irecv");
  wait(pending);
  const auto [size, hash] = size_and_hash;
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    pending.assign(1, {MPI_REQUEST_NULL});
    must(MPI_Irecv(bytes.data() + at, static_cast<int>(std::min(kPiece, bytes.size() - at)), MPI_CHAR, from,
                   kData, comm_, &pending[0].request),
         "MPI_Irecv");
    wait(pending);
  }
  expect(fnv1a(bytes) == hash, from);
  return bytes;
}

std::optional<std::string> MpiTeam::try_receive(int from) {
  check();
  hear_notes();
  int there = 0;
  must(MPI_Iprobe(from, kData, comm_, &there, MPI_STATUS_IGNORE), "MPI_Iprobe");
  Clock::time_point& heard = polled_[static_cast<std::size_t>(from)];
  if (there != 0) {
    heard = Clock::now();
    return receive(from);
  }
  if (looked_ - heard > patience_) lose(from);
  return std::nullopt;
}

// ---- sums ----

template <class T>
void MpiTeam::add(std::span<T> x, MPI_Datatype type) {
  check();
  x.size() <= kShort ? add_short(x, type) : add_long(x, type);
}

// Everybody gets everything, and adds it all.
template <class T>
void MpiTeam::add_short(std::span<T> x, MPI_Datatype type) {
  const std::size_t n = static_cast<std::size_t>(size_), count = x.size();
  scratch_.resize(std::max(scratch_.size(), n * count * sizeof(T)));
  T* const theirs = reinterpret_cast<T*>(scratch_.data());
  T* const mine = theirs + static_cast<std::size_t>(rank_) * count;
  std::copy(x.begin(), x.end(), mine);
  pending_.clear();
  pending_.reserve(2 * n);
  for (int other = 0; other < size_; ++other) {
    if (other == rank_) continue;
    must(MPI_Irecv(theirs + static_cast<std::size_t>(other) * count, static_cast<int>(count), type, other,
                   kData, comm_, &pending_.emplace_back(Pending{MPI_REQUEST_NULL}).request),
         "MPI_Irecv");
    must(MPI_Isend(mine, static_cast<int>(count), type, other, kData, comm_,
                   &pending_.emplace_back(Pending{MPI_REQUEST_NULL}).request),
         "MPI_Isend");
  }
  wait(pending_);
  std::copy_n(theirs, count, x.begin());
  for (std::size_t r = 1; r < n; ++r) {
    const T* const from = theirs + r * count;
    for (std::size_t i = 0; i < count; ++i) x[i] += from[i];
  }
}

template <class T>
void MpiTeam::add_long(std::span<T> x, MPI_Datatype type) {
  const std::size_t n = static_cast<std::size_t>(size_), me = static_cast<std::size_t>(rank_);
  const auto part = [&](std::size_t i) {
    const std::size_t begin = begin_of(i, n, x.size());
    return x.subspan(begin, begin_of(i + 1, n, x.size()) - begin);
  };
  const std::span<T> own = part(me);
  scratch_.resize(std::max(scratch_.size(), n * own.size() * sizeof(T)));
  T* const theirs = reinterpret_cast<T*>(scratch_.data());
  pending_.clear();
  pending_.reserve(2 * n);
  const auto receive_from = [&](std::size_t from, T* to, std::size_t count) {
    must(MPI_Irecv(to, static_cast<int>(count), type, static_cast<int>(from), kData, comm_,
                   &pending_.emplace_back(Pending{MPI_REQUEST_NULL}).request),
         "MPI_Irecv");
  };
  const auto send_to = [&](std::size_t to, std::span<T> what) {
    must(MPI_Isend(what.data(), static_cast<int>(what.size()), type, static_cast<int>(to), kData, comm_,
                   &pending_.emplace_back(Pending{MPI_REQUEST_NULL}).request),
         "MPI_Isend");
  };
  // Each begins with the one behind it, so that not all send to one at a time.
  for (std::size_t k = 1; k < n; ++k) {
    receive_from((me + n - k) % n, theirs + (me + n - k) % n * own.size(), own.size());
    send_to((me + k) % n, part((me + k) % n));
  }
  wait(pending_);
  std::copy(own.begin(), own.end(), theirs + me * own.size());
  std::copy_n(theirs, own.size(), own.begin());
  for (std::size_t r = 1; r < n; ++r) {
    const T* const from = theirs + r * own.size();
    for (std::size_t i = 0; i < own.size(); ++i) own[i] += from[i];
  }
  for (std::size_t k = 1; k < n; ++k) {
    const std::size_t from = (me + n - k) % n;
    receive_from(from, part(from).data(), part(from).size());
    send_to((me + k) % n, own);
  }
  wait(pending_);
}

// ---- word of oneself ----

void MpiTeam::tell(int to, std::string_view note) {
  std::vector<Pending> pending(1, {MPI_REQUEST_NULL});
  if (MPI_Isend(note.data(), static_cast<int>(note.size()), MPI_CHAR, to, kNote, comm_,
                &pending[0].request) != MPI_SUCCESS)
    return;
  const Clock::time_point end = Clock::now() + kFarewell;
  int done = 0;
  while (done == 0 && Clock::now() < end) {
    if (MPI_Test(&pending[0].request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return;
    ::sched_yield();
  }
}

void MpiTeam::alive() {
  const Clock::time_point now = Clock::now();
  if (now - told_ < kAliveEvery) return;
  told_ = now;
  hear_notes();
  for (int to = 0; to < size_; ++to) {
    if (to != rank_) tell(to, std::string_view(&kAlive, 1));
  }
}

// What fails here may come of another's end. One that was stopped, and without which the others have ended,
// goes on with what they had begun to send.
std::string MpiTeam::failed(const std::string& reason) {
  std::string message = reason;
  if (failure_.empty()) {
    try {
      hear_notes();
    } catch (const Error&) {
      if (lost_ >= 0) message = failure_;
    }
  }
  // Where the first cannot, the next one says it; then so that a waiting one does not wait in vain.
  if (lost_ == 0 && rank_ == 1)
    std::fputs(fmt::format("saccade: error: {}\n", printable(message)).c_str(), stderr);
  if (knows_) return message;
  knows_ = true;
  const std::string note = lost_ >= 0 ? fmt::format("{}{} {}", kLost, lost_, message) : kFailed + message;
  for (int to = 0; to < size_; ++to) {
    if (to != rank_) tell(to, note);
  }
  return message;
}

}  // namespace saccade::rl
