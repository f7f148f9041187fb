#include "tools/cli/connections.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>  // netinet/tcp.h, which a server's library may include, has no bytes
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

void end_connections(int port, const std::function<bool(const Connection&)>& should_end) {
  std::error_code error;
  for (fs::directory_iterator entry("/proc/self/fd", error), last; entry != last; entry.increment(error)) {
    const std::string id = fs::read_symlink(entry->path(), error).string();
    if (!id.starts_with("socket:")) continue;
    // A copy stays what it is, where the other may be closed meanwhile and its number be something else's.
    const int socket = fcntl(std::atoi(entry->path().filename().c_str()), F_DUPFD_CLOEXEC, 0);
    if (socket < 0) continue;
    const std::optional<int> remote_port = port_of(socket, getpeername);
    tcp_info info = {};
    socklen_t size = sizeof info;
    if (remote_port && port_of(socket, getsockname) == port &&
        getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
        should_end({id, *remote_port, info.tcpi_bytes_received}))
      ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
  }
}

}  // namespace saccade::cli
