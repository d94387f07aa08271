// When to stop scoring candidates that come in falling order of their centroid score.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "index/view.h"

namespace lode {

// Two rules, each off at its zero. Patience (TACHIOM's beta): so many scored documents in a row did not enter the k
// best. Sigmas: what the residual codes add to a document's centroid score varies little from document to document;
// once the next one would have to gain more than the mean plus that many standard deviations, no later one will enter
// either.
class StopRule {
public:
    StopRule(const SearchOptions& options, float unit)
        : k_(options.k), patience_(options.beta), sigmas_(options.stop_sigma), unit_(unit) {}

    // Whether a candidate with this centroid score, and all after it, can be left out.
    bool stops_before(std::int64_t centroid_score) const {
        if (top_.size() < k_) return false;
        if (patience_ != 0 && misses_ >= patience_) return true;
        if (sigmas_ <= 0 || n_ < kWarmup + 2 * k_) return false;
        const double deviation = std::sqrt(squares_ / static_cast<double>(n_));
        return centroid(centroid_score) + mean_ + sigmas_ * deviation < static_cast<double>(top_.front());
    }

    void scored(std::int64_t centroid_score, float value) {
        ++n_;
        const double gain = static_cast<double>(value) - centroid(centroid_score);
        const double step = gain - mean_;  // Welford's update
        mean_ += step / static_cast<double>(n_);
        squares_ += step * (gain - mean_);
        if (top_.size() == k_ && value <= top_.front()) {
            ++misses_;
            return;
        }
        misses_ = 0;
        top_.push_back(value);
        std::push_heap(top_.begin(), top_.end(), std::greater<>());
        if (top_.size() > k_) {
            std::pop_heap(top_.begin(), top_.end(), std::greater<>());
            top_.pop_back();
        }
    }

private:
    static constexpr std::size_t kWarmup = 16;  // documents before mean and deviation mean anything

    double centroid(std::int64_t score) const { return static_cast<double>(unit_) * static_cast<double>(score); }

    std::size_t k_;
    std::size_t patience_;
    double sigmas_;
    float unit_;
    std::size_t n_ = 0;
    std::size_t misses_ = 0;
    double mean_ = 0;
    double squares_ = 0;
    std::vector<float> top_;  // the k best so far, worst in front
};

}  // namespace lode
