#include "bindings/bind.h"

NB_MODULE(_native, m) {
    m.doc() = "Native core of motherlode. Private: use the Python package.";
    lode::bind::bind_kernels(m);
    lode::bind::bind_clustering(m);
    lode::bind::bind_encoding(m);
    lode::bind::bind_search(m);
    lode::bind::bind_lexical(m);
    lode::bind::bind_graph(m);
}
