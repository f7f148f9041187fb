// `saccade train --dashboard`: a run seen from a browser, which cannot disturb it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/error.h"
#include "rl/runs/training.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/pages.h"
#include "tests/support/runs.h"
#include "tools/cli/dashboard.h"

using namespace saccade;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

// A connection to a port of this machine, by plain bytes.
class Client {
 public:
  explicit Client(int port, int flags = 0) : socket_(::socket(AF_INET, SOCK_STREAM | flags, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    const timeval limit = {10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void send(const std::string& text) { ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Whether the other side has ended it.
  bool ended() {
    char byte;
    const ssize_t n = ::recv(socket_, &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
  }
  // Until it has that text in it, or the other side has ended it.
  std::string read_until(const std::string& end) {
    char block[4096];
    while (end.empty() || text_.find(end) == std::string::npos) {
      const ssize_t n = ::recv(socket_, block, sizeof block, 0);
      if (n <= 0) break;
      text_.append(block, static_cast<std::size_t>(n));
    }
    return text_;
  }

 private:
  int socket_;
  bool connected_ = false;
  std::string text_;
};

std::string get(int port, const std::string& path, const std::string& host = "127.0.0.1") {
  Client client(port);
  client.send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  return client.read_until("");
}

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

rl::RunInfo small_run() {
  return run_of("sac", {{"hidden", {8}},
                        {"batch_size", 8},
                        {"learning_starts", 50},
                        {"steps", 600},
                        {"eval_every", 0},
                        {"diagnose_every", 200},
                        {"final_eval_episodes", 1}});
}

// A run that has begun, and whose dashboard is open.
struct Served {
  explicit Served(std::chrono::milliseconds patience = cli::DashboardOptions().patience)
      : dashboard({.port = port, .patience = patience}),
        training(rl::Training::begin(small_run(), folder.path("run"))) {
    dashboard.show(training);
  }
  const TemporaryFolder folder;
  const int port = free_port();
  cli::Dashboard dashboard;
  rl::Training training;
};

// Tells a dashboard of everything, and at each step does what a test wants.
struct Watched final : rl::TrainingListener {
  Watched(cli::Dashboard& d, std::function<void(const rl::Training&)> f)
      : dashboard(d), at_step(std::move(f)) {}
  void on_step(const rl::Training& training) override {
    dashboard.progressed(training);
    at_step(training);
  }
  void on_diagnosis(const rl::Training& training, const rl::Diagnosis&) override { dashboard.grew(training); }
  cli::Dashboard& dashboard;
  std::function<void(const rl::Training&)> at_step;
};

}  // namespace

TEST_CASE("a dashboard serves the report as it grows, with the present policy playing", "[dashboard]") {
  const TemporaryFolder folder;
  const int port = free_port();
  cli::Dashboard dashboard({.port = port});
  CHECK(dashboard.url() == "http://127.0.0.1:" + std::to_string(port) + "/");
  rl::Training training = rl::Training::begin(small_run(), folder.path("run"));
  dashboard.show(training);
  Client events(port);
  events.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK_THAT(events.read_until("\r\n\r\n"), Contains("text/event-stream"));
  Watched listener(dashboard, [&](const rl::Training& t) {
    if (t.state().step != 300) return;
    const std::string answer = get(port, "/");
    CHECK_THAT(answer, Contains("200 OK"));
    const std::string page = answer.substr(answer.find("<!DOCTYPE"));
    const Json data = page_data(page);
    CHECK_THAT(page,
               Contains("script-src 'unsafe-inline'; connect-src 'self'\">") && Contains("new EventSource("));
    CHECK(data.at("runs").at(0).at("facts").at("steps") == 200);
    CHECK(data.at("captions") == Json({"step 200"}));
    CHECK(data.at("episodes").at(0).at("rewards").size() == 200);
  });
  CHECK(training.run(listener).has_value());
  const std::string heard = events.read_until("event: report");
  CHECK_THAT(heard, Contains("event: progress\ndata: {\"step\":") && Contains("event: report"));
  const std::string report = get(port, "/report.json");
  CHECK(
      Json::parse(report.substr(report.find("\r\n\r\n") + 4)).at("runs").at(0).at("histograms").at("steps") ==
      Json({200, 400, 600}));
  CHECK_THAT(get(port, "/etc/passwd"), Contains("404"));
  for (const char* host : {"evil.example", "127.evil.example", "127.1.2.3.example:80", ""})
    CHECK_THAT(get(port, "/", host), Contains("403"));
  for (const char* host : {"LocalHost:80", "127.0.0.2", "[::1]:80"})
    CHECK_THAT(get(port, "/", host), Contains("200 OK"));
  // A page that follows is told of the end, and has the time to take what it came to.
  Client last(port);
  last.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  last.read_until("\r\n\r\n");
  std::thread page([&] {
    last.read_until("event: end");
    const std::string answer = get(port, "/report.json");
    const Json facts = Json::parse(answer.substr(answer.find("\r\n\r\n") + 4)).at("runs").at(0).at("facts");
    CHECK(facts.at("summary").at("steps") == 600);
    CHECK(facts.at("steps") == 600);
    CHECK(facts.at("seconds") == facts.at("summary").at("seconds"));
  });
  dashboard.ended();
  page.join();
}

TEST_CASE("connections that wait take no descriptors from the training", "[dashboard]") {
  const Served served;
  const int port = served.port;
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = descriptors();
  constexpr int kClients = 100;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i)  // most of them wait to be taken
    clients.push_back(std::make_unique<Client>(port, SOCK_NONBLOCK));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  for (const auto& client : clients) client->send("GET / HTTP/1.1\r\n");  // and no more
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // Those of this end, and of the other no more than threads and places to wait.
  CHECK(descriptors() - before <= kClients + 40);
}

TEST_CASE("browsers that stall, leave, or send rubbish do not change what is learned", "[dashboard]") {
  const TemporaryFolder folder;
  rl::TrainingListener quiet;
  CHECK(rl::Training::begin(small_run(), folder.path("alone")).run(quiet).has_value());
  const int port = free_port();
  cli::Dashboard dashboard({.port = port});
  rl::Training training = rl::Training::begin(small_run(), folder.path("watched"));
  dashboard.show(training);
  std::vector<std::unique_ptr<Client>> stalled;  // they ask, and read nothing
  for (int i = 0; i < 20; ++i) {
    stalled.push_back(std::make_unique<Client>(port));
    stalled.back()->send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  Rng rng(1);
  Watched listener(dashboard, [&](const rl::Training& t) {
    if (t.state().step % 40 != 0) return;
    Client rubbish(port);
    std::string bytes(2000, ' ');
    for (char& c : bytes) c = static_cast<char>(rng.below(256));
    rubbish.send(t.state().step % 80 == 0
                     ? bytes
                     : "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n");
    if (t.state().step % 120 == 0) stalled.pop_back();  // one that leaves
  });
  CHECK(training.run(listener).has_value());
  const std::string weights = "/checkpoint/weights.safetensors", rows = "/diagnostics.jsonl";
  CHECK((read_file(folder.path("watched") + weights) == read_file(folder.path("alone") + weights)));
  CHECK(read_file(folder.path("watched") + rows) == read_file(folder.path("alone") + rows));
}

TEST_CASE("whoever asks a byte at a time does not keep a training from its end", "[dashboard]") {
  auto served = std::make_unique<Served>();
  const int port = served->port;
  Client slow(port);
  slow.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
  CHECK_THAT(get(port, "/"), Contains("200 OK"));  // so the other is being read
  // For longer than any time limit, unless it is told that nobody listens.
  bool told = false;
  std::thread sender([&] {
    for (int i = 0; i < 400 && !told; ++i) {
      slow.send("a");
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      told = slow.ended();
    }
  });
  served.reset();
  sender.join();
  CHECK(told);
}

const std::string kStart = "GET / HTTP/1.1\r\nHost: localhost\r\n", kLine = "X: a\r\n";

TEST_CASE("headers without end do not take all memory", "[dashboard]") {
  const Served served(std::chrono::hours(1));
  Client client(served.port);
  const auto send_lines = [&](int n) {
    std::string lines;
    for (int i = 0; i < n; ++i) lines += kLine;
    client.send(lines);
  };
  client.send(kStart);
  send_lines(30'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK_FALSE(client.ended());  // long, but no longer than it may be
  send_lines(30'000);
  for (int i = 0; i < 100 && !client.ended(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(client.ended());
}

TEST_CASE("requests without end leave others the page", "[dashboard]") {
  const Served served(std::chrono::seconds(5));
  const int port = served.port;
  Client events(port);
  events.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // As many as there are threads, and then one that only wants the page.
  constexpr int kSlow = 12;
  std::vector<std::thread> slow;
  std::atomic<int> ended = 0;
  for (int i = 0; i < kSlow; ++i) {
    slow.emplace_back([&] {
      Client client(port);
      client.send(kStart);
      for (int k = 0; k < 200 && !client.ended(); ++k) {
        client.send(kLine);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      ended += client.ended();
    });
  }
  for (int i = 0; i < 1000 && ended == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK_THAT(get(port, "/"), Contains("200 OK"));
  for (std::thread& client : slow) client.join();
  CHECK(ended == kSlow);
  CHECK_THAT(events.read_until("still here"), Contains("still here"));  // who follows the run may stay
  CHECK_FALSE(events.ended());
}

TEST_CASE("beyond the loopback addresses a token is asked for", "[dashboard]") {
  const TemporaryFolder folder;
  const int port = free_port();
  cli::Dashboard dashboard({.host = "0.0.0.0", .port = port});
  const std::string url = dashboard.url(), query = url.substr(url.find("/?") + 1);
  CHECK(query.size() == std::string("?token=").size() + 32);
  CHECK(cli::Dashboard({.host = "0.0.0.0", .port = free_port()}).url().find(query) == std::string::npos);
  rl::Training training = rl::Training::begin(small_run(), folder.path("run"));
  dashboard.show(training);
  CHECK_THAT(get(port, "/"), Contains("403"));
  CHECK_THAT(get(port, "/report.json?token=0123456789abcdef0123456789abcdef"), Contains("403"));
  CHECK_THAT(get(port, "/events?token="), Contains("403"));
  CHECK_THAT(get(port, "/" + query, "any.example"), Contains("200 OK"));
}

TEST_CASE("a dashboard that cannot be is one line, before there is a run", "[dashboard]") {
  const TemporaryFolder folder;
  const int port = free_port();
  const cli::Dashboard dashboard({.port = port});
  const auto refuses = [&](const std::string& arguments, const std::string& what) {
    const Output output = run_command(folder, "train pendulum " + arguments);
    CHECK(output.exit_code > 0);
    CHECK(output.out.empty());
    CHECK_THAT(output.err, Contains(what));
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
    CHECK(snapshot(folder.path()).empty());
  };
  refuses("--dashboard " + std::to_string(port), "127.0.0.1:" + std::to_string(port) + " cannot be had");
  refuses("--dashboard 70000", "--dashboard");
  refuses("--dashboard " + std::to_string(free_port()) + " --dashboard-host 192.0.2.1", "192.0.2.1");
  refuses("--dashboard-host 127.0.0.1", "--dashboard-host needs --dashboard");
}

TEST_CASE("a dashboard leaves signals as they were", "[dashboard]") {
  // The server's library ignores SIGPIPE for the whole program; what training makes of it must stay.
  struct sigaction before = {}, after = {};
  sigaction(SIGPIPE, nullptr, &before);
  const cli::Dashboard dashboard({.port = free_port()});
  sigaction(SIGPIPE, nullptr, &after);
  CHECK(before.sa_handler == after.sa_handler);
}
