#include "kernelgen/simd.hpp"

#include <atomic>

namespace kernelgen {

extern const SimdTable simd_table_baseline;
#if defined(KERNELGEN_X86)
extern const SimdTable simd_table_avx2;
extern const SimdTable simd_table_avx512;
extern const SimdTable simd_table_avx512vnni;
#endif

std::vector<const SimdTable*> supported_tables() {
  std::vector<const SimdTable*> tables{&simd_table_baseline};
#if defined(KERNELGEN_X86)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) tables.push_back(&simd_table_avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("fma")) {
    tables.push_back(&simd_table_avx512);
    if (__builtin_cpu_supports("avx512vnni")) tables.push_back(&simd_table_avx512vnni);
  }
#endif
  return tables;
}

namespace {
std::atomic<const SimdTable*> chosen{nullptr};
}

const SimdTable& simd() {
  const SimdTable* table = chosen.load();
  if (table == nullptr) {
    table = supported_tables().back();
    chosen.store(table);
  }
  return *table;
}

bool set_simd(std::string_view name) {
  for (const SimdTable* table : supported_tables()) {
    if (table->name == name) {
      chosen.store(table);
      return true;
    }
  }
  return false;
}

}  // namespace kernelgen
