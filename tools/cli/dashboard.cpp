#include "tools/cli/dashboard.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>
#include <pthread.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "rl/runs/logs.h"
#include "tools/cli/bounded_pool.h"
#include "tools/cli/connections.h"
#include "tools/cli/display.h"
#include "tools/pages/report.h"

namespace saccade::cli {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxWatchers = 8;  // each of them holds a thread
constexpr std::size_t kThreads = kMaxWatchers + 4;
constexpr auto kProgressEvery = std::chrono::milliseconds(500);
constexpr auto kPlayEvery = std::chrono::seconds(5);    // pages ask no more often
constexpr std::uint64_t kMaxReceived = 1 << 18;         // bytes, of a connection
constexpr auto kLastAnswers = std::chrono::seconds(2);  // have so long at the end
constexpr auto kLookEvery = std::chrono::milliseconds(100);

std::string random_token() {
  std::random_device device;
  std::string token;
  for (int i = 0; i < 4; ++i) token += fmt::format("{:08x}", static_cast<std::uint32_t>(device()));
  return token;
}

// A name or address that leads to this machine alone: 127.0.0.1, but not 127.example.com.
bool is_loopback(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  constexpr std::string_view kName = "localhost";
  return host == "::1" || std::equal(host.begin(), host.end(), kName.begin(), kName.end(), same);
}

// Threads that are made while it lives get no signals: those are for the training.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WithoutSignals(const WithoutSignals&) = delete;
  WithoutSignals& operator=(const WithoutSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

struct Dashboard::State {
  DashboardOptions options;
  std::string token;  // empty where none is asked for
  httplib::Server server;
  std::thread thread, doorkeeper;

  std::mutex mutex;
  std::condition_variable changed;
  // All below under the mutex.
  std::string run;
  Json progress;
  std::int64_t progress_version = 0, report_version = 0;
  std::optional<pages::ReportedEpisodes> episodes;
  std::multiset<std::string> watchers;  // by the address and port at their end
  int reports_after_end = 0;
  bool ended = false;   // the training: pages are told, and ask for the report once more
  bool ending = false;  // the server: what is being answered is still answered
  bool closed = false;  // the server: nobody is connected

  // Of the training's thread.
  Clock::time_point last_progress, last_played;

  bool may_see(const httplib::Request& request) const {
    if (!token.empty()) return request.get_param_value("token") == token;
    // A page elsewhere may have its own name lead here.
    std::string host = request.get_header_value("Host");
    if (const std::size_t colon = host.rfind(':'); colon != host.npos && !host.ends_with(']'))
      host.resize(colon);
    return is_loopback(host) || host == "[::1]";
  }

  Json report() {
    std::string of;
    std::optional<pages::ReportedEpisodes> shown;
    {
      const std::lock_guard lock(mutex);
      of = run;
      shown = episodes;
    }
    return pages::to_json({{of, rl::read_run_log(of)}}, shown);
  }

  // The library limits each read, but not a request: one that comes a byte at a time would hold a thread, and
  // at the end the training, for as long as it likes, and one without end would take all memory.
  void keep_the_door() {
    std::map<std::string, Clock::time_point> since;
    std::optional<Clock::time_point> last;
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, kLookEvery, [&] { return closed; })) {
      const Clock::time_point now = Clock::now();
      if (ending && !last) last = now + kLastAnswers;
      std::map<std::string, Clock::time_point> still;
      end_connections(options.port, [&](const Connection& connection) {
        const auto before = since.find(connection.id);
        const bool is_new = before == since.end() || watchers.contains(connection.peer);
        const Clock::time_point first = is_new ? now : before->second;
        still.emplace(connection.id, first);
        return connection.received > kMaxReceived || now - first > options.patience || (last && now > *last);
      });
      since = std::move(still);
    }
  }

  void serve_page(httplib::Response& response) {
    response.set_content(pages::live_report(report()), "text/html; charset=utf-8");
  }

  void serve_report(httplib::Response& response) {
    response.set_content(dumped(report()), "application/json");
  }

  void serve_events(const httplib::Request& request, httplib::Response& response) {
    const std::string peer = fmt::format("{} {}", request.remote_addr, request.remote_port);
    {
      const std::lock_guard lock(mutex);
      if (watchers.size() >= kMaxWatchers) {
        response.status = 503;
        response.set_content("too many pages are open\n", "text/plain");
        return;
      }
      watchers.insert(peer);
    }
    struct Seen {
      std::int64_t progress = 0, report = 0;
    };
    auto seen = std::make_shared<Seen>();
    {
      const std::lock_guard lock(mutex);
      seen->report = report_version;
    }
    response.set_header("Cache-Control", "no-store");
    response.set_chunked_content_provider(
        "text/event-stream",
        [this, seen](std::size_t, httplib::DataSink& sink) {
          std::string text;
          bool is_last = false;
          {
            std::unique_lock lock(mutex);
            const auto news = [&] {
              return ending || ended || seen->progress != progress_version || seen->report != report_version;
            };
            changed.wait_for(lock, std::chrono::seconds(5), news);
            if (ending) return false;
            is_last = ended;
            if (seen->progress != progress_version)
              text += "event: progress\ndata: " + dumped(progress) + "\n\n";
            if (seen->report != report_version) text += "event: report\ndata: {}\n\n";
            seen->progress = progress_version;
            seen->report = report_version;
          }
          if (is_last) text = "event: end\ndata: {}\n\n";
          if (text.empty()) text = ": still here\n\n";
          const bool told = sink.write(text.data(), text.size());
          if (told && is_last) {
            // One at a time: the library makes what it sends here at the first use, unseen by
            // ThreadSanitizer.
            const std::lock_guard lock(mutex);
            sink.done();
          }
          return told;
        },
        [this, peer](bool) {
          const std::lock_guard lock(mutex);
          watchers.erase(watchers.find(peer));
        });
  }

  template <class F>
  void get(const char* path, F serve) {
    server.Get(path, [this, serve](const httplib::Request& request, httplib::Response& response) {
      if (!may_see(request)) {
        response.status = 403;
        response.set_content("the address lacks the token that saccade printed\n", "text/plain");
        return;
      }
      try {
        serve(request, response);
      } catch (const std::exception& error) {
        response.status = 500;
        response.set_content(std::string(error.what()) + "\n", "text/plain");
      }
    });
  }
};

Dashboard::Dashboard(const DashboardOptions& options) {
  // Servers of this library ignore SIGPIPE, which is what tells training of a reader that went away.
  struct sigaction pipe = {};
  sigaction(SIGPIPE, nullptr, &pipe);
  state_ = std::make_unique<State>();
  sigaction(SIGPIPE, &pipe, nullptr);

  State& s = *state_;
  s.options = options;
  if (!is_loopback(options.host)) s.token = random_token();
  s.server.set_socket_options([](socket_t socket) {
    const int yes = 1;  // a port that was in use a minute ago is free; one that is in use is not
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  s.server.new_task_queue = [] { return new BoundedPool(kThreads); };
  s.server.set_payload_max_length(1024);
  s.server.set_read_timeout(5);
  s.server.set_write_timeout(5);
  s.server.set_keep_alive_timeout(5);
  // Called when an answer has been written.
  s.server.set_logger([&s](const httplib::Request& request, const httplib::Response&) {
    const std::lock_guard lock(s.mutex);
    if (s.ended && request.path == "/report.json") ++s.reports_after_end;
    s.changed.notify_all();
  });
  s.get("/", [&s](const auto&, auto& response) { s.serve_page(response); });
  s.get("/report.json", [&s](const auto&, auto& response) { s.serve_report(response); });
  s.get("/events", [&s](const auto& request, auto& response) { s.serve_events(request, response); });
  if (!s.server.bind_to_port(options.host, options.port)) {
    throw ConfigError(
        fmt::format("--dashboard: {}:{} cannot be had: another program has it, or it is no address of "
                    "this machine; another port may be free",
                    options.host, options.port));
  }
}

Dashboard::~Dashboard() {
  State& s = *state_;
  {
    const std::lock_guard lock(s.mutex);
    s.ending = true;
  }
  s.changed.notify_all();
  if (!s.thread.joinable()) return;
  s.server.stop();
  s.thread.join();
  if (s.doorkeeper.joinable()) s.doorkeeper.join();
}

std::string Dashboard::url() const {
  const State& s = *state_;
  const std::string host =
      s.options.host.find(':') == std::string::npos ? s.options.host : "[" + s.options.host + "]";
  return fmt::format("http://{}:{}/{}", host, s.options.port, s.token.empty() ? "" : "?token=" + s.token);
}

void Dashboard::show(const rl::Training& training) {
  State& s = *state_;
  s.run = training.path();
  const WithoutSignals here;
  s.thread = std::thread([&s] {
    s.server.listen_after_bind();
    const std::lock_guard lock(s.mutex);
    s.closed = true;
    s.changed.notify_all();
  });
  while (!s.server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  s.doorkeeper = std::thread([&s] { s.keep_the_door(); });
}

void Dashboard::ended() {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  const auto watchers = static_cast<int>(s.watchers.size());
  s.ended = true;
  s.changed.notify_all();
  // A page that is open has the time to take what the run came to.
  s.changed.wait_for(lock, std::chrono::seconds(1), [&] { return s.reports_after_end >= watchers; });
}

void Dashboard::progressed(const rl::Training& training) {
  State& s = *state_;
  const Clock::time_point now = Clock::now();
  if (now - s.last_progress < kProgressEvery && training.state().step < training.info().config.run.steps)
    return;
  s.last_progress = now;
  const rl::Progress p = training.progress();
  const auto or_null = [](const std::optional<double>& number) {
    return number ? Json(*number) : Json(nullptr);
  };
  Json json = {{"step", p.step},
               {"steps", p.steps},
               {"episodes", p.episodes},
               {"return", or_null(p.ret)},
               {"steps_per_second", or_null(p.steps_per_second)},
               {"seconds_left", or_null(p.seconds_left)}};
  for (const rl::Metric& metric : p.metrics) json["metrics"][metric.name] = or_null(metric.value);
  {
    const std::lock_guard lock(s.mutex);
    s.progress = std::move(json);
    ++s.progress_version;
  }
  s.changed.notify_all();
}

void Dashboard::grew(const rl::Training& training) {
  State& s = *state_;
  bool watched = false;
  {
    const std::lock_guard lock(s.mutex);
    watched = !s.watchers.empty();
  }
  std::optional<pages::ReportedEpisodes> played;
  if (watched && Clock::now() - s.last_played >= kPlayEvery) {
    s.last_played = Clock::now();
    played.emplace();
    const rl::RunConfig& config = training.info().config.run;
    const rl::EnvFactory make = [&]() -> std::unique_ptr<envs::Env> {
      return std::make_unique<pages::RecordingEnv>(rl::make_env(config.env), played->recording);
    };
    rl::evaluate(make, training.agent(), 1, Rng(static_cast<std::uint64_t>(config.seed)).split("dashboard"));
    const std::string step = fmt::format("step {}", training.state().step);
    played->captions = {step};
    played->about = "the policy at " + step + ", with the best action it knows";
  }
  {
    const std::lock_guard lock(s.mutex);
    if (played) s.episodes = std::move(played);
    ++s.report_version;
  }
  s.changed.notify_all();
}

}  // namespace saccade::cli
