/* neurons/dendrites/pwlu4.c: piecewise linear, 4 cells, starts as the rectifier. */
#include "neurons/dendrites/pwlu_internal.h"

NEURON_PARAM_TABLE(NEURON_PWLU_ENDS, {"Y0", 0.0, -100.0, 100.0, true, "height 0"},
                   {"Y1", 0.0, -100.0, 100.0, true, "height 1"},
                   {"Y2", 0.0, -100.0, 100.0, true, "height 2"},
                   {"Y3", 1.0, -100.0, 100.0, true, "height 3"},
                   {"Y4", 2.0, -100.0, 100.0, true, "height 4"})

NEURON_PWLU(pwlu4, 4, "4")
