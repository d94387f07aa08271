// The lifecycle graph: rows both ways, conditions that travel, and arrays that lie.
#include "graph/adjacency.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <thread>
#include <tuple>
#include <vector>

#include "check.h"
#include "graph/overlay.h"
#include "graph/reach.h"
#include "graph/view.h"
#include "graph/workspace.h"

namespace lode::test {
namespace {

using namespace lode::graph;

constexpr std::int32_t kFar = std::numeric_limits<std::int32_t>::max();

struct Built {
    std::vector<std::int32_t> sources, targets, edges;
    std::vector<std::uint8_t> classes;
    std::vector<std::int64_t> offsets[2];
    std::vector<std::int32_t> nodes[2], row_edges[2];
    std::vector<std::uint8_t> row_classes[2];
    std::size_t n_nodes = 0;

    void add(std::int32_t source, std::int32_t target, std::uint8_t arc_class) {
        sources.push_back(source);
        targets.push_back(target);
        classes.push_back(arc_class);
        edges.push_back(static_cast<std::int32_t>(edges.size()));
    }
    void build(std::size_t n) {
        n_nodes = n;
        AdjacencyOut out[2];
        for (int way = 0; way < 2; ++way) {
            offsets[way].resize(n + 1);
            nodes[way].resize(sources.size());
            row_edges[way].resize(sources.size());
            row_classes[way].resize(sources.size());
            out[way] = {offsets[way].data(), nodes[way].data(), row_classes[way].data(), row_edges[way].data()};
        }
        build_adjacency({sources.size(), sources.data(), targets.data(), classes.data(), edges.data()}, n, out[0],
                        out[1]);
    }
    View view(int way = 0) const {
        View made;
        made.base = {n_nodes,           nodes[way].size(),       offsets[way].data(),
                     nodes[way].data(), row_classes[way].data(), row_edges[way].data()};
        made.n_nodes = n_nodes;
        return made;
    }
};

Built random_graph(Numbers& numbers, std::size_t n_nodes, std::size_t n_arcs) {
    Built graph;
    for (std::size_t i = 0; i < n_arcs; ++i) {
        graph.add(static_cast<std::int32_t>(numbers.below(n_nodes)), static_cast<std::int32_t>(numbers.below(n_nodes)),
                  static_cast<std::uint8_t>(numbers.below(3)));
    }
    graph.build(n_nodes);
    return graph;
}

// Class 0 keeps a condition, 1 weakens 3 to 2, 2 is an identity that keeps it.
constexpr std::uint8_t kTransfer[] = {0, 1, 2, 3, 0, 1, 2, 2, 0, 1, 2, 3};
constexpr std::uint8_t kIdentity[] = {0, 0, 1};

Question question(const std::int32_t* seeds, const std::uint8_t* conditions, std::size_t n_seeds) {
    return {n_seeds, seeds, conditions, 3, 4, kTransfer, kIdentity, kFar, std::numeric_limits<std::size_t>::max()};
}

struct Found {
    Summary summary;
    std::vector<std::int32_t> nodes, depths, parent_nodes, parent_edges, parent_rows;
    std::vector<std::uint8_t> conditions;

    bool operator==(const Found& other) const {
        return std::tie(nodes, depths, parent_nodes, parent_edges, parent_rows, conditions) ==
               std::tie(other.nodes, other.depths, other.parent_nodes, other.parent_edges, other.parent_rows,
                        other.conditions);
    }
};

Found ask(const View& view, const Question& asked, Workspace& workspace) {
    Found found;
    found.summary = reach(view, asked, workspace);
    const std::size_t n = found.summary.n_rows;
    for (auto* column : {&found.nodes, &found.depths, &found.parent_nodes, &found.parent_edges, &found.parent_rows}) {
        column->resize(n);
    }
    found.conditions.resize(n);
    std::vector<std::int32_t> numbers(n);
    write_rows(workspace, found.summary, numbers.data(),
               {found.nodes.data(), found.conditions.data(), found.depths.data(), found.parent_nodes.data(),
                found.parent_edges.data(), found.parent_rows.data()});
    return found;
}

}  // namespace

TEST_GROUP(rows_hold_every_arc_once_and_are_sorted_both_ways) {
    Numbers numbers(31);
    for (const auto [n_nodes, n_arcs] : {std::pair{1, 0}, {1, 5}, {7, 60}, {50, 2000}, {3000, 2000}}) {
        const Built graph = random_graph(numbers, static_cast<std::size_t>(n_nodes), static_cast<std::size_t>(n_arcs));
        for (int way = 0; way < 2; ++way) {
            using Row = std::tuple<std::int32_t, std::int32_t, std::uint8_t, std::int32_t>;
            std::vector<Row> expected, rows;
            for (std::size_t i = 0; i < graph.sources.size(); ++i) {
                expected.emplace_back(way == 0 ? graph.sources[i] : graph.targets[i],
                                      way == 0 ? graph.targets[i] : graph.sources[i], graph.classes[i], graph.edges[i]);
            }
            std::sort(expected.begin(), expected.end());
            for (std::size_t v = 0; v < graph.n_nodes; ++v) {
                const Adjacency::Range range = graph.view(way).base.arcs(v);
                for (std::size_t a = range.begin; a < range.end; ++a) {
                    rows.emplace_back(static_cast<std::int32_t>(v), graph.nodes[way][a], graph.row_classes[way][a],
                                      graph.row_edges[way][a]);
                }
            }
            CHECK(rows == expected, "%d nodes, %d arcs, way %d", n_nodes, n_arcs, way);
        }
    }
}

TEST_GROUP(the_smallest_depth_may_come_from_a_weaker_and_shorter_path) {
    // 0 -> 1 -> 2 -> 3 keeps condition 3; 0 -> 3 weakens at once; 3 -> 4 weakens to 2, so 4's best path is the short
    // one.
    Built graph;
    for (const auto& [from, to, arc_class] : {std::array{0, 1, 0}, {1, 2, 0}, {2, 3, 0}, {0, 3, 1}, {3, 4, 1}}) {
        graph.add(from, to, static_cast<std::uint8_t>(arc_class));
    }
    graph.build(5);
    const std::int32_t seed = 0;
    const std::uint8_t condition = 3;
    Workspace workspace;
    const Found found = ask(graph.view(), question(&seed, &condition, 1), workspace);
    CHECK((found.nodes == std::vector<std::int32_t>{0, 1, 2, 3, 4, 3}), "nodes, then the step in between");
    CHECK((found.conditions == std::vector<std::uint8_t>{3, 3, 3, 3, 2, 2}), "conditions");
    CHECK((found.depths == std::vector<std::int32_t>{0, 1, 2, 3, 2, 1}), "depths");
    CHECK((found.parent_rows == std::vector<std::int32_t>{-1, 0, 1, 2, 5, 0}), "4 comes from the step, not the answer");
    CHECK(found.summary.n_nodes == 5 && !found.summary.truncated, "%zu nodes", found.summary.n_nodes);
}

TEST_GROUP(a_used_workspace_answers_like_a_fresh_one) {
    Numbers numbers(32);
    Workspace used;
    for (int round = 0; round < 300; ++round) {
        const std::size_t n_nodes = 1 + numbers.below(40);
        const Built graph = random_graph(numbers, n_nodes, numbers.below(120));
        const auto seed = static_cast<std::int32_t>(numbers.below(n_nodes));
        const auto condition = static_cast<std::uint8_t>(1 + numbers.below(3));
        Question asked = question(&seed, &condition, 1);
        if (round % 3 == 0) asked.max_depth = static_cast<std::int32_t>(numbers.below(4));
        if (round % 5 == 0) asked.n_max = 1 + numbers.below(8);
        Workspace fresh;
        CHECK(ask(graph.view(round % 2), asked, used) == ask(graph.view(round % 2), asked, fresh), "round %d", round);
    }
}

TEST_GROUP(many_at_once_settle_in_the_order_of_few) {
    // Rounds of thousands are sorted by digits, small ones by comparison: a hub's children ascend either way.
    for (const std::int32_t n_children : {10, 63, 64, 300, 4095, 4096, 70000}) {
        Built graph;
        for (std::int32_t child = n_children; child > 0; --child) graph.add(0, child, 0);
        graph.build(static_cast<std::size_t>(n_children) + 1);
        const std::int32_t seeds[] = {0, n_children};
        const std::uint8_t conditions[] = {2, 3};
        Workspace workspace;
        const Found found = ask(graph.view(), question(seeds, conditions, 2), workspace);
        CHECK(found.nodes.size() == static_cast<std::size_t>(n_children) + 1 && found.nodes[0] == n_children &&
                  std::is_sorted(found.nodes.begin() + 1, found.nodes.end()),
              "%d children", n_children);
    }
}

TEST_GROUP(damaged_arrays_are_never_read_past_their_ends) {
    Numbers numbers(33);
    Guarded offsets_memory(1 << 14), nodes_memory(1 << 14), classes_memory(1 << 14), edges_memory(1 << 14);
    Guarded from_memory(1 << 14), to_memory(1 << 14), removed_memory(1 << 14);
    Workspace workspace;
    for (int round = 0; round < 2000; ++round) {
        const std::size_t n_nodes = 1 + numbers.below(20), n_arcs = numbers.below(60), n_edges = numbers.below(30);
        const Built graph = random_graph(numbers, n_nodes, n_arcs);
        View view = graph.view();
        auto* offsets = offsets_memory.take<std::int64_t>(n_nodes + 1);
        auto* nodes = nodes_memory.take<std::int32_t>(n_arcs);
        auto* classes = classes_memory.take<std::uint8_t>(n_arcs);
        auto* edges = edges_memory.take<std::int32_t>(n_arcs);
        std::copy(graph.offsets[0].begin(), graph.offsets[0].end(), offsets);
        std::copy(graph.nodes[0].begin(), graph.nodes[0].end(), nodes);
        std::copy(graph.row_classes[0].begin(), graph.row_classes[0].end(), classes);
        std::copy(graph.row_edges[0].begin(), graph.row_edges[0].end(), edges);
        for (std::size_t damage = numbers.below(4); damage > 0; --damage) {
            offsets[numbers.below(n_nodes + 1)] = static_cast<std::int64_t>(numbers.bits());
            if (n_arcs == 0) continue;
            nodes[numbers.below(n_arcs)] = static_cast<std::int32_t>(numbers.bits());
            classes[numbers.below(n_arcs)] = static_cast<std::uint8_t>(numbers.bits());
            edges[numbers.below(n_arcs)] = static_cast<std::int32_t>(numbers.bits());
        }
        view.base.offsets = offsets;
        view.base.nodes = nodes;
        view.base.classes = classes;
        view.base.edges = edges;
        view.filter = {round % 2 == 0,
                       0,
                       n_edges,
                       from_memory.take<std::int64_t>(n_edges, 0, 0xFF),
                       to_memory.take<std::int64_t>(n_edges, 0, 0x11),
                       n_edges,
                       removed_memory.take<std::uint8_t>(n_edges, 0, 0)};
        const auto seed = static_cast<std::int32_t>(numbers.below(n_nodes));
        const std::uint8_t condition = 3;
        const Found found = ask(view, question(&seed, &condition, 1), workspace);
        bool inside = found.summary.n_nodes >= 1 && found.summary.n_nodes <= n_nodes;
        for (const std::int32_t node : found.nodes) inside = inside && static_cast<std::size_t>(node) < n_nodes;
        CHECK(inside, "round %d: %zu nodes of %zu", round, found.summary.n_nodes, n_nodes);
        const Neighbours row = neighbours(view, seed);
        CHECK(row.nodes.size() <= n_arcs && row.edges.size() == row.nodes.size(), "round %d: neighbours", round);
    }
}

TEST_GROUP(threads_that_share_a_pool_do_not_disturb_each_other) {
    Numbers numbers(34);
    const Built graph = random_graph(numbers, 400, 1600);
    WorkspacePool pool;
    std::vector<Found> expected(40);
    const std::uint8_t condition = 3;
    for (std::int32_t seed = 0; seed < 40; ++seed) {
        Workspace fresh;
        expected[static_cast<std::size_t>(seed)] = ask(graph.view(), question(&seed, &condition, 1), fresh);
    }
    std::array<int, 12> n_same{};  // more threads than the pool keeps workspaces
    std::vector<std::thread> threads;
    for (std::size_t worker = 0; worker < n_same.size(); ++worker) {
        threads.emplace_back([&, worker] {
            for (std::int32_t seed = 0; seed < 40; ++seed) {
                std::unique_ptr<Workspace> workspace = pool.take();
                const Found found = ask(graph.view(), question(&seed, &condition, 1), *workspace);
                n_same[worker] += found == expected[static_cast<std::size_t>(seed)] ? 1 : 0;
                pool.give_back(std::move(workspace));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const int n : n_same) CHECK(n == 40, "%d of 40 answers", n);
}

}  // namespace lode::test
