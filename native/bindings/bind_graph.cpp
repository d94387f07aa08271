#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <memory>
#include <optional>
#include <tuple>

#include "bindings/bind.h"
#include "graph/adjacency.h"
#include "graph/overlay.h"
#include "graph/reach.h"
#include "graph/view.h"
#include "graph/workspace.h"

namespace lode::bind {
namespace {

using graph::Adjacency;
using graph::Arcs;

using Nodes = In<std::int32_t, 1>;
using Bytes = In<std::uint8_t, 1>;
using Instants = std::optional<In<std::int64_t, 1>>;
using OutNodes = nb::ndarray<nb::numpy, std::int32_t, nb::ndim<1>>;
using OutBytes = nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>>;
using Reached = std::tuple<OutNodes, OutBytes, OutNodes, OutNodes, OutNodes, OutNodes, std::size_t, bool>;

// An array whose pages nobody has touched yet.
template <class T>
nb::ndarray<nb::numpy, T, nb::ndim<1>> unwritten(std::size_t n) {
    auto* values = new T[n];
    const nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return nb::ndarray<nb::numpy, T, nb::ndim<1>>(values, {n}, owner);
}

Arcs arcs_of(const Nodes& source, const Nodes& target, const Bytes& classes, const Nodes& edges, std::size_t n_nodes) {
    const std::size_t n = source.shape(0);
    require(target.shape(0) == n && classes.shape(0) == n && edges.shape(0) == n, "one of everything for each arc");
    for (const Nodes& ends : {source, target}) {
        for (std::size_t i = 0; i < n; ++i) {
            require(static_cast<std::uint32_t>(ends.data()[i]) < n_nodes, "a node is not in the graph");
        }
    }
    return {n, source.data(), target.data(), classes.data(), edges.data()};
}

void require_intervals(const Instants& from, const Instants& to) {
    require(from.has_value() == to.has_value() && (!from || from->shape(0) == to->shape(0)),
            "valid_from and valid_to go together");
}

void build(Nodes source, Nodes target, Bytes classes, Nodes edges, InOut<std::int64_t, 1> down_offsets,
           InOut<std::int32_t, 1> down_nodes, InOut<std::uint8_t, 1> down_classes, InOut<std::int32_t, 1> down_edges,
           InOut<std::int64_t, 1> up_offsets, InOut<std::int32_t, 1> up_nodes, InOut<std::uint8_t, 1> up_classes,
           InOut<std::int32_t, 1> up_edges) {
    require(down_offsets.shape(0) >= 1 && down_offsets.shape(0) == up_offsets.shape(0), "offsets for every node");
    const std::size_t n_nodes = down_offsets.shape(0) - 1;
    const Arcs arcs = arcs_of(source, target, classes, edges, n_nodes);
    for (const std::size_t length : {down_nodes.shape(0), down_classes.shape(0), down_edges.shape(0), up_nodes.shape(0),
                                     up_classes.shape(0), up_edges.shape(0)}) {
        require(length == arcs.n, "a result of another length than the arcs");
    }
    const nb::gil_scoped_release release;
    graph::build_adjacency(arcs, n_nodes,
                           {down_offsets.data(), down_nodes.data(), down_classes.data(), down_edges.data()},
                           {up_offsets.data(), up_nodes.data(), up_classes.data(), up_edges.data()});
}

class PyOverlay {
public:
    PyOverlay(Nodes source, Nodes target, Bytes classes, Nodes edges, std::size_t n_nodes, Instants valid_from,
              Instants valid_to) {
        const Arcs arcs = arcs_of(source, target, classes, edges, n_nodes);
        require_intervals(valid_from, valid_to);
        require(!valid_from || valid_from->shape(0) == arcs.n, "an interval for each arc");
        const nb::gil_scoped_release release;
        overlay_ = std::make_unique<graph::Overlay>(arcs, n_nodes, valid_from ? valid_from->data() : nullptr,
                                                    valid_to ? valid_to->data() : nullptr);
    }
    const graph::Overlay& get() const noexcept { return *overlay_; }

private:
    std::unique_ptr<graph::Overlay> overlay_;
};

class PyGraph {
public:
    PyGraph(In<std::int64_t, 1> down_offsets, Nodes down_nodes, Bytes down_classes, Nodes down_edges,
            In<std::int64_t, 1> up_offsets, Nodes up_nodes, Bytes up_classes, Nodes up_edges, Instants valid_from,
            Instants valid_to)
        : down_{down_offsets, down_nodes, down_classes, down_edges}, up_{up_offsets, up_nodes, up_classes, up_edges},
          valid_from_(valid_from), valid_to_(valid_to) {
        require_intervals(valid_from, valid_to);
        for (const Side* side : {&down_, &up_}) {
            const std::size_t n = side->nodes.shape(0);
            require(side->offsets.shape(0) >= 1 && side->offsets.shape(0) == down_offsets.shape(0),
                    "offsets for every node");
            require(side->classes.shape(0) == n && side->edges.shape(0) == n, "one of everything for each arc");
        }
    }

    Reached reach(const std::optional<PyOverlay*>& overlay, const std::optional<Bytes>& removed, Nodes seeds,
                  Bytes conditions, In<std::uint8_t, 2> transfer, Bytes identity, bool upstream, std::int32_t max_depth,
                  std::optional<std::int64_t> at, std::size_t n_max) {
        const graph::View view = view_of(overlay, removed, upstream, at);
        const graph::Question question{seeds.shape(0),    seeds.data(),      conditions.data(),
                                       transfer.shape(0), transfer.shape(1), transfer.data(),
                                       identity.data(),   max_depth,         n_max};
        check(question, view.n_nodes, conditions.shape(0), identity.shape(0));
        std::unique_ptr<graph::Workspace> workspace = pool_.take();
        graph::Summary summary;
        {
            const nb::gil_scoped_release release;
            summary = graph::reach(view, question, *workspace);
        }
        const std::size_t n = summary.n_rows;
        Reached found{unwritten<std::int32_t>(n),
                      unwritten<std::uint8_t>(n),
                      unwritten<std::int32_t>(n),
                      unwritten<std::int32_t>(n),
                      unwritten<std::int32_t>(n),
                      unwritten<std::int32_t>(n),
                      summary.n_nodes,
                      summary.truncated};
        {
            const graph::Rows rows{std::get<0>(found).data(), std::get<1>(found).data(), std::get<2>(found).data(),
                                   std::get<3>(found).data(), std::get<4>(found).data(), std::get<5>(found).data()};
            const nb::gil_scoped_release release;
            std::vector<std::int32_t> row_numbers(workspace->passed.empty() ? 0 : n);
            graph::write_rows(*workspace, summary, row_numbers.data(), rows);
            pool_.give_back(std::move(workspace));
        }
        return found;
    }

    std::tuple<OutNodes, OutBytes, OutNodes> neighbours(const std::optional<PyOverlay*>& overlay,
                                                        const std::optional<Bytes>& removed, std::int32_t node,
                                                        bool upstream, std::optional<std::int64_t> at) const {
        const graph::View view = view_of(overlay, removed, upstream, at);
        require(static_cast<std::uint32_t>(node) < view.n_nodes, "a node is not in the graph");
        graph::Neighbours found;
        {
            const nb::gil_scoped_release release;
            found = graph::neighbours(view, node);
        }
        return {to_numpy(std::move(found.nodes)), to_numpy(std::move(found.classes)), to_numpy(std::move(found.edges))};
    }

private:
    struct Side {
        In<std::int64_t, 1> offsets;
        Nodes nodes;
        Bytes classes;
        Nodes edges;
    };

    static void check(const graph::Question& question, std::size_t n_nodes, std::size_t n_seed_conditions,
                      std::size_t n_identities) {
        require(n_seed_conditions == question.n_seeds, "a condition for each seed");
        require(n_identities == question.n_classes && question.n_classes <= 256, "identity says it for each class");
        require(question.n_conditions <= graph::kMaxConditions, "too many conditions");
        require(question.max_depth >= 0, "max_depth is negative");
        for (std::size_t i = 0; i < question.n_seeds; ++i) {
            require(static_cast<std::uint32_t>(question.seeds[i]) < n_nodes, "a seed is not in the graph");
            require(question.seed_conditions[i] != 0 && question.seed_conditions[i] < question.n_conditions,
                    "a seed's condition is not one");
        }
        for (std::size_t i = 0; i < question.n_classes * question.n_conditions; ++i) {
            require(question.transfer[i] <= i % question.n_conditions, "transfer increases a condition");
            require(i % question.n_conditions == 0 || question.transfer[i - 1] <= question.transfer[i],
                    "transfer is not monotone");
        }
    }

    graph::View view_of(const std::optional<PyOverlay*>& overlay, const std::optional<Bytes>& removed, bool upstream,
                        std::optional<std::int64_t> at) const {
        const Side& side = upstream ? up_ : down_;
        const std::size_t n_nodes = side.offsets.shape(0) - 1;
        graph::View view;
        view.base = {n_nodes,           side.nodes.shape(0), side.offsets.data(),
                     side.nodes.data(), side.classes.data(), side.edges.data()};
        view.n_nodes = n_nodes;
        if (overlay && *overlay != nullptr) {
            const graph::OverlaySide& side_of = (*overlay)->get().side(upstream);
            view.overlay = side_of.empty() ? nullptr : &side_of;  // removals alone cost no look-ups
            view.n_nodes = std::max(n_nodes, (*overlay)->get().n_nodes());
        }
        view.filter.has_at = at.has_value();
        view.filter.at = at.value_or(0);
        if (valid_from_) {
            view.filter.n_edges = valid_from_->shape(0);
            view.filter.valid_from = valid_from_->data();
            view.filter.valid_to = valid_to_->data();
        }
        if (removed) {
            view.filter.n_removed = removed->shape(0);
            view.filter.removed = removed->data();
        }
        return view;
    }

    Side down_;
    Side up_;
    Instants valid_from_;
    Instants valid_to_;
    graph::WorkspacePool pool_;
};

}  // namespace

void bind_graph(nb::module_& m) {
    m.attr("MAX_CONDITIONS") = graph::kMaxConditions;
    m.def("build_adjacency", &build, nb::arg("source"), nb::arg("target"), nb::arg("classes"), nb::arg("edges"),
          nb::arg("down_offsets"), nb::arg("down_nodes"), nb::arg("down_classes"), nb::arg("down_edges"),
          nb::arg("up_offsets"), nb::arg("up_nodes"), nb::arg("up_classes"), nb::arg("up_edges"));
    nb::class_<PyOverlay>(m, "OverlayView")
        .def(nb::init<Nodes, Nodes, Bytes, Nodes, std::size_t, Instants, Instants>(), nb::arg("source"),
             nb::arg("target"), nb::arg("classes"), nb::arg("edges"), nb::arg("n_nodes"),
             nb::arg("valid_from") = nb::none(), nb::arg("valid_to") = nb::none());
    nb::class_<PyGraph>(m, "GraphView")
        .def(nb::init<In<std::int64_t, 1>, Nodes, Bytes, Nodes, In<std::int64_t, 1>, Nodes, Bytes, Nodes, Instants,
                      Instants>(),
             nb::arg("down_offsets"), nb::arg("down_nodes"), nb::arg("down_classes"), nb::arg("down_edges"),
             nb::arg("up_offsets"), nb::arg("up_nodes"), nb::arg("up_classes"), nb::arg("up_edges"),
             nb::arg("valid_from") = nb::none(), nb::arg("valid_to") = nb::none())
        .def("reach", &PyGraph::reach, nb::arg("overlay").none(), nb::arg("removed").none(), nb::arg("seeds"),
             nb::arg("conditions"), nb::arg("transfer"), nb::arg("identity"), nb::arg("upstream"), nb::arg("max_depth"),
             nb::arg("at").none(), nb::arg("n_max"))
        .def("neighbours", &PyGraph::neighbours, nb::arg("overlay").none(), nb::arg("removed").none(), nb::arg("node"),
             nb::arg("upstream"), nb::arg("at").none());
}

}  // namespace lode::bind
