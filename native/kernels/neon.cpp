#include "kernels.h"

namespace lode {
const Kernels* const kNeon = nullptr;
}
