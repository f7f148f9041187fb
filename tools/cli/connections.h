// The connections of this process, as the kernel knows them: what a server's library keeps to itself.
#pragma once

#include <cstdint>
#include <vector>

namespace saccade::cli {

struct Connection {
  int descriptor;
  std::uint64_t id;        // no other connection of this machine has it
  int remote_port;         // the other side's
  std::uint64_t received;  // bytes from there so far
};

/// Those of TCP, from elsewhere to this port of ours. None where there is no /proc.
std::vector<Connection> connections_to(int port);

/// Tells both sides that it has ended. Its descriptor stays open, for whoever opened it.
void end(const Connection& connection);

}  // namespace saccade::cli
