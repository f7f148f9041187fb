#include "autograd/modes.h"

#include <map>
#include <mutex>

namespace saccade::detail {

constinit thread_local bool recording = true;
constinit thread_local const std::string* scope = nullptr;
constinit thread_local bool noting_locations = false;

// Every name is made once, for all threads, and never destroyed: a graph may outlive the thread that made it.
// So a node's is one pointer. Each thread remembers those that it has used, so that entering a scope again
// takes no lock and no memory.
const std::string* scope_name(const std::string* outer, std::string_view name) {
  using Place = std::pair<const std::string*, std::string>;
  static thread_local std::map<const std::string*, std::map<std::string, const std::string*, std::less<>>>
      known;
  auto& children = known[outer];
  const auto found = children.find(name);
  if (found != children.end()) return found->second;

  static std::mutex& mutex = *new std::mutex;
  static auto& names = *new std::map<Place, std::string>;
  const std::lock_guard lock(mutex);
  std::string full = outer == nullptr ? std::string(name) : *outer + "/" + std::string(name);
  const std::string* kept = &names.emplace(Place(outer, name), std::move(full)).first->second;
  children.emplace(name, kept);
  return kept;
}

}  // namespace saccade::detail
