#include <tuple>

#include "graph/view.h"

namespace lode::graph {

Neighbours neighbours(const View& view, std::int32_t node) {
    Neighbours found;
    const auto add = [&](const std::int32_t* nodes, const std::uint8_t* classes, const std::int32_t* edges,
                         std::size_t arc) {
        found.nodes.push_back(nodes[arc]);
        found.classes.push_back(classes[arc]);
        found.edges.push_back(edges[arc]);
    };
    const Adjacency& base = view.base;
    const OverlaySide* over = view.overlay;
    Adjacency::Range mine = base.arcs(static_cast<std::size_t>(node));
    Adjacency::Range added = over == nullptr ? Adjacency::Range{0, 0} : over->arcs(node);
    while (mine.begin < mine.end || added.begin < added.end) {  // both are sorted: a merge
        const bool from_base =
            added.begin == added.end ||
            (mine.begin < mine.end &&
             std::tie(base.nodes[mine.begin], base.classes[mine.begin], base.edges[mine.begin]) <=
                 std::tie(over->nodes()[added.begin], over->classes()[added.begin], over->edges()[added.begin]));
        if (from_base) {
            if (view.filter.keeps(base.edges[mine.begin])) add(base.nodes, base.classes, base.edges, mine.begin);
            ++mine.begin;
        } else {
            if (!view.filter.has_at || over->valid_at(added.begin, view.filter.at)) {
                add(over->nodes(), over->classes(), over->edges(), added.begin);
            }
            ++added.begin;
        }
    }
    return found;
}

}  // namespace lode::graph
