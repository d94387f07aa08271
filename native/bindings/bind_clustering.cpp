#include "bindings/bind.h"
#include "index/clustering.h"

namespace lode::bind {
namespace {

// groups: uint64 [n][5] = begin, end, first, k, id
std::vector<Group> groups_of(const In<std::uint64_t, 2>& rows, std::size_t n_order, std::size_t n_centroids) {
    require(rows.shape(1) == 5, "groups: 5 columns");
    std::vector<Group> groups(rows.shape(0));
    for (std::size_t g = 0; g < groups.size(); ++g) {
        const std::uint64_t* row = rows.data() + g * 5;
        require(row[0] < row[1] && row[1] <= n_order, "groups: begin and end outside order");
        require(row[3] > 0 && row[2] + row[3] <= n_centroids, "groups: centroids outside the array");
        require(row[3] <= row[1] - row[0], "groups: more centroids than tokens");
        groups[g] = {row[0], row[1], static_cast<std::uint32_t>(row[2]), static_cast<std::uint32_t>(row[3]), row[4]};
    }
    return groups;
}

void require_order(const In<std::uint32_t, 1>& order, std::size_t n) {
    for (std::size_t i = 0; i < order.shape(0); ++i) require(order.data()[i] < n, "order: a row past the vectors");
}

void spreads(const std::string& name, AnyMatrix vectors, In<std::uint32_t, 1> order, In<std::uint64_t, 2> rows,
             std::size_t n_threads, InOut<double, 1> spread) {
    const Kernels& kernels = level(name);
    const Vectors view = vectors_of(vectors);
    const std::vector<Group> groups = groups_of(rows, order.shape(0), ~std::size_t{0});
    require(spread.shape(0) == groups.size(), "spread: wrong length");
    require_order(order, view.n);
    const nb::gil_scoped_release release;
    group_spreads(kernels, view, order.data(), groups.data(), groups.size(), n_threads, spread.data());
}

void cluster(const std::string& name, AnyMatrix vectors, In<std::uint32_t, 1> order, In<std::uint64_t, 2> rows,
             std::size_t n_iterations, std::size_t points_per_centroid, std::uint64_t seed, std::size_t n_threads,
             InOut<float, 2> centroids, InOut<std::uint32_t, 1> assignment, InOut<double, 1> squared_error) {
    const Kernels& kernels = level(name);
    const Vectors view = vectors_of(vectors);
    const std::vector<Group> groups = groups_of(rows, order.shape(0), centroids.shape(0));
    require(centroids.shape(1) == view.dim && assignment.shape(0) == view.n, "centroids or assignment: wrong shape");
    require(squared_error.shape(0) == groups.size(), "squared_error: wrong length");
    interruptible([&](const CancelFlag* cancel) {
        const KmeansOptions options{n_iterations, points_per_centroid, seed, cancel};
        cluster_groups(kernels, view, order.data(), groups.data(), groups.size(), options, n_threads, centroids.data(),
                       assignment.data(), squared_error.data());
    });
}

void assign(const std::string& name, AnyMatrix vectors, In<float, 2> centroids, std::size_t n_threads,
            InOut<std::uint32_t, 1> labels) {
    const Kernels& kernels = level(name);
    const Vectors view = vectors_of(vectors);
    require(centroids.shape(0) > 0 && centroids.shape(1) == view.dim, "centroids: wrong shape");
    require(labels.shape(0) == view.n, "labels: wrong length");
    interruptible([&](const CancelFlag* cancel) {
        assign_nearest(kernels, view, centroids.data(), centroids.shape(0), n_threads, labels.data(), cancel);
    });
}

// groups: uint64 [n][4] = begin, end, first, k
void assign_grouped(const std::string& name, In<float, 2> rows, In<std::uint32_t, 1> order, In<std::uint64_t, 2> bounds,
                    In<float, 2> centroids, std::size_t n_threads, InOut<std::uint32_t, 1> assignment,
                    InOut<float, 1> gain) {
    const Kernels& kernels = level(name);
    const std::size_t n = rows.shape(0);
    require(centroids.shape(1) == rows.shape(1), "centroids: wrong dimension");
    require(assignment.shape(0) == n && gain.shape(0) == n, "assignment or gain: wrong length");
    require(bounds.shape(1) == 4, "groups: 4 columns");
    require_order(order, n);
    std::vector<Group> groups(bounds.shape(0));
    for (std::size_t g = 0; g < groups.size(); ++g) {
        const std::uint64_t* row = bounds.data() + g * 4;
        require(row[0] <= row[1] && row[1] <= order.shape(0), "groups: begin and end outside order");
        require(row[2] <= centroids.shape(0) && row[3] <= centroids.shape(0) - row[2], "groups: centroids outside");
        groups[g] = {row[0], row[1], static_cast<std::uint32_t>(row[2]), static_cast<std::uint32_t>(row[3]), 0};
    }
    const nb::gil_scoped_release release;
    assign_in_groups(kernels, rows.data(), rows.shape(1), order.data(), groups.data(), groups.size(), centroids.data(),
                     n_threads, assignment.data(), gain.data());
}

}  // namespace

void bind_clustering(nb::module_& m) {
    m.def("group_spreads", &spreads, nb::arg("level"), nb::arg("vectors"), nb::arg("order"), nb::arg("groups"),
          nb::arg("n_threads"), nb::arg("spread"));
    m.def("cluster_groups", &cluster, nb::arg("level"), nb::arg("vectors"), nb::arg("order"), nb::arg("groups"),
          nb::arg("n_iterations"), nb::arg("points_per_centroid"), nb::arg("seed"), nb::arg("n_threads"),
          nb::arg("centroids"), nb::arg("assignment"), nb::arg("squared_error"));
    m.def("assign_nearest", &assign, nb::arg("level"), nb::arg("vectors"), nb::arg("centroids"), nb::arg("n_threads"),
          nb::arg("labels"));
    m.def("assign_in_groups", &assign_grouped, nb::arg("level"), nb::arg("rows"), nb::arg("order"), nb::arg("groups"),
          nb::arg("centroids"), nb::arg("n_threads"), nb::arg("assignment"), nb::arg("gain"));
}

}  // namespace lode::bind
