// Environments by name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/env.h"

namespace saccade::envs {

/// Makes a bare environment, without a time limit.
using Factory = std::function<std::unique_ptr<Env>()>;

/// An id and how to make it. Each file NAME.cpp in classic/ and toy_text/ defines one,
///
///     Entry saccade::envs::NAME_entry();
///
/// and the build finds the files and makes their list.
using Entry = std::pair<std::string, Factory>;

/// The environment of this name, truncated where its spec().max_episode_steps says. The name is an id such as
/// "Pendulum-v1", or one without its version ("pendulum") for the latest version; letter case does not
/// matter. One that ends in .json is the path of a task file (task_file/task_file.h), whose id tells its
/// contents: it is read when it is named, and the id that comes of it stands for what was read, whatever
/// becomes of the file. One that begins with "python:" lives elsewhere (guest.h). Throws ConfigError for a
/// name that is not known, or that this build lacks, and FormatError for a model that cannot be had.
std::unique_ptr<Env> make(std::string_view name);

/// The same without the time limit, for who keeps one himself.
std::unique_ptr<Env> make_untimed(std::string_view name);

/// The id that make() understands by this name. Throws ConfigError for one that is not known, or a task file
/// that is faulty.
std::string canonical_id(std::string_view name);

/// A name that stands for this id in another program: of a task file its path, of all others the id.
std::string name_elsewhere(std::string_view id);

/// Whether make() knows this name, in this build or another; of a file, whether its name is that of one.
bool is_known(std::string_view name);

/// The id that this misspelt name is nearest to; "" if none is near.
std::string nearest_id(std::string_view name);

/// The ids of what make() makes, sorted.
std::vector<std::string> ids();

/// The ids that are known, but that this build lacks (MuJoCo's, in one without it), sorted.
std::vector<std::string> unavailable_ids();

/// Adds an environment of your own. Throws ConfigError for an id that is taken. Not to be called while other
/// threads use the registry.
void add(std::string id, Factory factory);

}  // namespace saccade::envs
