#include <nanobind/stl/vector.h>

#include "bindings/bind.h"
#include "index/hashing.h"
#include "index/rotation.h"

namespace lode::bind {
namespace {

std::vector<std::string> levels() {
    std::size_t count = 0;
    const Kernels* const* table = available_levels(&count);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.emplace_back(table[i]->name);
    return names;
}

void pack_codes(In<std::uint8_t, 2> codes, unsigned bits, InOut<std::uint8_t, 2> rows) {
    require(rows.shape(0) == codes.shape(0) && rows.shape(1) == row_bytes(codes.shape(1), bits), "rows: wrong shape");
    for (std::size_t i = 0; i < codes.shape(0); ++i) {
        pack_row(codes.data() + i * codes.shape(1), codes.shape(1), bits, rows.data() + i * rows.shape(1));
    }
}

// dots[i, q] = <codes of row i, query q>; rows must have kReadSlack readable bytes more than their shape says.
void dot(const std::string& name, In<std::uint8_t, 1> rows, std::size_t dim, unsigned bits, In<std::int8_t, 2> queries,
         InOut<std::int32_t, 2> out) {
    const Kernels& kernels = level(name);
    const DotRows function = dot_rows(kernels, bits);
    require(function != nullptr, "bits must be 1, 2, 4, 6 or 7");
    const std::size_t stride = row_bytes(dim, bits);
    const std::size_t n = out.shape(0);
    const std::size_t padded = out.shape(1);
    require(rows.shape(0) >= n * stride + kReadSlack, "rows: too short");
    require(queries.shape(1) == dim && padded % 4 == 0 && padded >= queries.shape(0), "queries or out: wrong shape");
    const std::size_t bytes = arranged_bytes(dim, bits);
    std::vector<std::int8_t> arranged(padded * bytes, 0);
    for (std::size_t q = 0; q < queries.shape(0); ++q) {
        arrange_query(queries.data() + q * dim, dim, bits, arranged.data() + q * bytes);
    }
    const nb::gil_scoped_release release;
    function(rows.data(), stride, n, n_blocks(dim, bits), arranged.data(), padded, out.data(), padded);
}

void rotate(InOut<float, 2> rows, std::uint64_t seed) {
    const Rotation rotation(rows.shape(1), seed);
    const nb::gil_scoped_release release;
    for (std::size_t i = 0; i < rows.shape(0); ++i) rotation.apply(rows.data() + i * rows.shape(1));
}

void rotate_back(InOut<float, 2> rows, std::uint64_t seed) {
    const Rotation rotation(rows.shape(1), seed);
    const nb::gil_scoped_release release;
    for (std::size_t i = 0; i < rows.shape(0); ++i) rotation.undo(rows.data() + i * rows.shape(1));
}

// hashes[i] = hash of bytes[offsets[i] .. offsets[i + 1])
void hash_strings(In<std::uint8_t, 1> bytes, In<std::uint64_t, 1> offsets, InOut<std::uint64_t, 1> hashes) {
    require(offsets.shape(0) == hashes.shape(0) + 1, "hashes: wrong length");
    for (std::size_t i = 0; i < hashes.shape(0); ++i) {
        const std::uint64_t begin = offsets.data()[i];
        const std::uint64_t end = offsets.data()[i + 1];
        require(begin <= end && end <= bytes.shape(0), "offsets: outside the bytes");
        hashes.data()[i] = hash_bytes(bytes.data() + begin, end - begin);
    }
}

// places[i] = where bytes[offsets[i] .. offsets[i + 1]) stands among the stored strings, or -1
void find_strings(In<std::uint8_t, 1> bytes, In<std::uint64_t, 1> offsets, In<std::uint64_t, 1> hashes,
                  In<std::uint32_t, 1> order, In<std::uint8_t, 1> stored, In<std::uint64_t, 1> stored_offsets,
                  InOut<std::int64_t, 1> places) {
    const Strings strings{stored.data(), stored_offsets.data(), hashes.shape(0), stored.shape(0)};
    require(order.shape(0) == strings.n && stored_offsets.shape(0) == strings.n + 1, "hashes, order, offsets: lengths");
    require(offsets.shape(0) == places.shape(0) + 1, "places: wrong length");
    for (std::size_t i = 0; i < places.shape(0); ++i) {
        const std::uint64_t begin = offsets.data()[i];
        const std::uint64_t end = offsets.data()[i + 1];
        require(begin <= end && end <= bytes.shape(0), "offsets: outside the bytes");
        places.data()[i] = find_string(bytes.data() + begin, end - begin, hashes.data(), order.data(), strings);
    }
}

}  // namespace

void bind_kernels(nb::module_& m) {
    m.def("levels", &levels);
    m.def("row_bytes", &row_bytes, nb::arg("dim"), nb::arg("bits"));
    m.attr("READ_SLACK") = kReadSlack;
    m.def("pack_codes", &pack_codes, nb::arg("codes"), nb::arg("bits"), nb::arg("rows"));
    m.def("dot", &dot, nb::arg("level"), nb::arg("rows"), nb::arg("dim"), nb::arg("bits"), nb::arg("queries"),
          nb::arg("out"));
    m.def("hash_strings", &hash_strings, nb::arg("bytes"), nb::arg("offsets"), nb::arg("hashes"));
    m.def("find_strings", &find_strings, nb::arg("bytes"), nb::arg("offsets"), nb::arg("hashes"), nb::arg("order"),
          nb::arg("stored"), nb::arg("stored_offsets"), nb::arg("places"));
    m.def("rotate", &rotate, nb::arg("rows"), nb::arg("seed"));
    m.def("rotate_back", &rotate_back, nb::arg("rows"), nb::arg("seed"));
}

}  // namespace lode::bind
