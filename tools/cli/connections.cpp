#include "tools/cli/connections.h"

#include <fcntl.h>
#include <linux/tcp.h>  // netinet/tcp.h, which a server's library may include, has no bytes
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

namespace saccade::cli {

namespace {

namespace fs = std::filesystem;

struct Address {
  std::string host, port;
};

// Of one side of a TCP connection.
std::optional<Address> address_of(int socket, decltype(getsockname) side) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof storage;
  const auto address = reinterpret_cast<sockaddr*>(&storage);
  if (side(socket, address, &size) != 0) return std::nullopt;
  if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return std::nullopt;
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (getnameinfo(address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return std::nullopt;
  return Address{host, port};
}

}  // namespace

void end_connections(int port, const std::function<bool(const Connection&)>& should_end) {
  const fs::path descriptors = "/proc/self/fd";
  std::error_code error;
  for (fs::directory_iterator entry(descriptors, error), last; entry != last; entry.increment(error)) {
    if (!fs::read_symlink(entry->path(), error).string().starts_with("socket:")) continue;
    // A copy stays what it is, where the other may be closed meanwhile and its number be something else's.
    const int socket = fcntl(std::atoi(entry->path().filename().c_str()), F_DUPFD_CLOEXEC, 0);
    if (socket < 0) continue;
    const std::string id = fs::read_symlink(descriptors / std::to_string(socket), error).string();
    const std::optional<Address> here = address_of(socket, getsockname),
                                 peer = address_of(socket, getpeername);
    tcp_info info = {};
    socklen_t size = sizeof info;
    if (here && peer && here->port == std::to_string(port) &&
        getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
        should_end({id, peer->host + " " + peer->port, info.tcpi_bytes_received}))
      ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
  }
}

}  // namespace saccade::cli
