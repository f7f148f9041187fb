#include "tools/cli/connections.h"

#include <arpa/inet.h>
#include <linux/tcp.h>  // netinet/tcp.h, which a server's library may include, has no bytes
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

namespace saccade::cli {

namespace {

namespace fs = std::filesystem;

// Of TCP on IPv4 or IPv6, whose addresses have their port in the same place.
std::optional<int> port_of(int descriptor, decltype(getsockname) ask) {
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  sockaddr_storage storage = {};
  socklen_t size = sizeof storage;
  if (ask(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return std::nullopt;
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

}  // namespace

std::vector<Connection> connections_to(int port) {
  std::vector<Connection> found;
  std::error_code none;
  for (fs::directory_iterator entry("/proc/self/fd", none), last; entry != last; entry.increment(none)) {
    const int descriptor = std::atoi(entry->path().filename().c_str());
    const std::optional<int> remote_port = port_of(descriptor, getpeername);
    tcp_info info = {};
    socklen_t size = sizeof info;
    struct stat file = {};
    if (remote_port && port_of(descriptor, getsockname) == port &&
        getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && fstat(descriptor, &file) == 0)
      found.push_back({descriptor, file.st_ino, *remote_port, info.tcpi_bytes_received});
  }
  return found;
}

void end(const Connection& connection) { ::shutdown(connection.descriptor, SHUT_RDWR); }

}  // namespace saccade::cli
