// Catch2, of version 2 or 3, whichever CMake found: what the tests use, under one name in both. A test
// includes this and neither's own headers.
#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)  // 3

#include <catch2/catch_approx.hpp>
#include <catch2/catch_session.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using Catch::Approx;

namespace Catch {
using Matchers::EndsWith;
using Matchers::Message;
using Matchers::StartsWith;
inline auto Contains(const std::string& part) { return Matchers::ContainsSubstring(part); }
}  // namespace Catch

#else  // 2

#include <catch2/catch.hpp>

#endif
