/* tests/precision.c: unit tests say themselves which products they are of. Most hold f32
 * ones, some to the bit; the user's environment must not make them others. */
#include <stdlib.h>

__attribute__((constructor)) static void forget_precision(void)
{
    unsetenv("APICAL_PRECISION");
}
