// What this machine reaches: the ceilings that plans and benchmarks divide by.
#pragma once

#include <cstdint>

namespace kernelgen {

// Flops per second of C -= A B^T on all threads, operands in cache, for about `seconds`.
template <class T>
double product_rate(int threads, double seconds);

// Integer operations (a multiply and an add are two) per second of the byte product.
double byte_product_rate(int threads, double seconds);

// Bytes per second read by all threads from memory.
double read_bandwidth(int threads, std::int64_t bytes);

}  // namespace kernelgen
