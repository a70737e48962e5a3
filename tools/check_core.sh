#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What core and the device service promise, seen in what the firmware preset compiled: no heap, exceptions, RTTI,
# hidden guards, floating point, clock or global variables.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t archives < <(find build/firmware/core build/firmware/device/service -name '*.a' -not -path '*/size_image/*' | sort)
[ ${#archives[@]} -gt 0 ] || {
  echo "nothing is built; first: tools/setup.sh build firmware" >&2
  exit 2
}
unwanted='\b(malloc|calloc|realloc|free|time|clock|gettimeofday|abort)$|operator (new|delete)|__cxa_|__gxx_|_Unwind|__throw_'
unwanted+='|__aeabi_[fd]|typeinfo for|guard variable'
status=0
if arm-none-eabi-nm -AuC "${archives[@]}" 2>/dev/null | grep -E "$unwanted"; then
  echo "the above are called and must not be"
  status=1
fi
# A table of virtual functions is constant, whatever nm makes of it in an object for link-time optimisation.
if arm-none-eabi-nm -AC "${archives[@]}" 2>/dev/null | grep -v 'vtable for ' | grep -E ' [bBdDC] '; then
  echo "the above are global variables"
  status=1
fi
[ "$status" -ne 0 ] || echo "${#archives[@]} archives keep what core/README.md says"
exit "$status"
