#include "kernels.h"

namespace lode {
const Kernels* const kAvx512 = nullptr;
}
