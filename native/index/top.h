// The k best hits of one worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "index/view.h"

namespace lode {

// A heap whose front is the worst of the k best hits so far.
class TopHits {
public:
    explicit TopHits(std::size_t k) : k_(k) {}

    void push(const Hit& hit) {
        if (k_ == 0 || (full() && !better(hit, hits_.front()))) return;
        if (full()) {
            std::pop_heap(hits_.begin(), hits_.end(), better);
            hits_.pop_back();
        }
        hits_.push_back(hit);
        std::push_heap(hits_.begin(), hits_.end(), better);
    }
    bool full() const noexcept { return hits_.size() == k_; }
    const Hit& worst() const noexcept { return hits_.front(); }  // of a heap that is not empty
    const std::vector<Hit>& hits() const noexcept { return hits_; }

private:
    std::size_t k_;
    std::vector<Hit> hits_;
};

}  // namespace lode
