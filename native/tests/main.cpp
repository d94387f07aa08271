// lode_native_tests [--level NAME]: runs every group at every level of this CPU, or at one (LODE_CPU_LEVEL works too).
// Exit status: 0 all passed, 1 some failed, 2 wrong usage, 77 the level is not available here.
#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string>

#include "check.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define LODE_HAS_MMAP 1
#endif

namespace lode::test {
namespace {

struct Group {
    std::string name;
    GroupFunction run;
};

std::vector<Group>& groups() {
    static std::vector<Group> all;
    return all;
}

std::vector<const Kernels*> chosen;
std::size_t n_checks = 0;
std::size_t n_failures = 0;
constexpr std::size_t kShown = 5;

// Runs one group and prints its line; returns whether it passed.
bool run(const Group& group) {
    n_checks = n_failures = 0;
    const auto start = std::chrono::steady_clock::now();
    group.run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::string sentence = group.name;
    std::replace(sentence.begin(), sentence.end(), '_', ' ');
    // A group without a check would pass for ever.
    const bool passed = n_failures == 0 && n_checks != 0;
    std::printf("%s  %s (%zu checks, %.1f s)\n", passed ? "ok    " : "FAILED", sentence.c_str(), n_checks,
                seconds.count());
    std::fflush(stdout);
    return passed;
}

bool choose(const char* name) {
    std::size_t count = 0;
    const Kernels* const* available = available_levels(&count);
    chosen.assign(available, available + count);
    if (name == nullptr || *name == '\0') return true;
    const Kernels* one = level_by_name(name);
    if (one == nullptr) {
        std::string names;
        for (const Kernels* level : chosen) names += std::string(names.empty() ? "" : ", ") + level->name;
        std::printf("skipped: level %s is not available here, only %s\n", name, names.c_str());
        return false;
    }
    chosen.assign(1, one);
    return true;
}

}  // namespace

Register::Register(const char* name, GroupFunction run) {
    groups().push_back({name, run});
}

const std::vector<const Kernels*>& levels() {
    return chosen;
}

bool report(bool passed, const char* file, int line, const char* format, ...) {
    ++n_checks;
    if (passed) return true;
    if (++n_failures <= kShown) {
        std::printf("%s:%d: ", file, line);
        va_list arguments;
        va_start(arguments, format);
        std::vprintf(format, arguments);
        va_end(arguments);
        std::printf("\n");
    }
    return false;
}

#if defined(LODE_HAS_MMAP)
Guarded::Guarded(std::size_t capacity_bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t usable = (capacity_bytes + page - 1) / page * page;
    mapped_ = usable + page;
    void* memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    begin_ = static_cast<std::uint8_t*>(memory);
    end_ = begin_ + usable;
    if (mprotect(end_, page, PROT_NONE) != 0) std::abort();
}

Guarded::~Guarded() {
    munmap(begin_, mapped_);
}
#else
Guarded::Guarded(std::size_t capacity_bytes) : mapped_(capacity_bytes) {
    begin_ = static_cast<std::uint8_t*>(std::malloc(capacity_bytes));
    end_ = begin_ + capacity_bytes;
}

Guarded::~Guarded() {
    std::free(begin_);
}
#endif

void* Guarded::place(std::size_t bytes, int fill) {
    if (bytes > static_cast<std::size_t>(end_ - begin_)) std::abort();
    std::memset(end_ - bytes, fill, bytes);
    return end_ - bytes;
}

}  // namespace lode::test

int main(int argc, char** argv) {
    const char* name = std::getenv("LODE_CPU_LEVEL");
    if (argc == 3 && std::strcmp(argv[1], "--level") == 0) {
        name = argv[2];
    } else if (argc != 1) {
        std::printf("usage: %s [--level NAME]\n", argv[0]);
        return 2;
    }
    if (!lode::test::choose(name)) return 77;
    std::string names;
    for (const lode::Kernels* level : lode::test::levels()) names += std::string(" ") + level->name;
    std::printf("levels:%s\n", names.c_str());

    auto& groups = lode::test::groups();
    std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    std::size_t n_passed = 0;
    for (const auto& group : groups) n_passed += lode::test::run(group) ? 1 : 0;
    std::printf("%zu passed, %zu failed\n", n_passed, groups.size() - n_passed);
    return n_passed == groups.size() ? 0 : 1;
}
