/* neurons/dendrites/pwlu.c: piecewise linear, 8 cells, starts as the rectifier. */
#include "neurons/dendrites/pwlu_internal.h"

NEURON_PARAM_TABLE(NEURON_PWLU_ENDS, {"Y0", 0.0, -100.0, 100.0, true, "height 0"},
                   {"Y1", 0.0, -100.0, 100.0, true, "height 1"},
                   {"Y2", 0.0, -100.0, 100.0, true, "height 2"},
                   {"Y3", 0.0, -100.0, 100.0, true, "height 3"},
                   {"Y4", 0.0, -100.0, 100.0, true, "height 4"},
                   {"Y5", 0.5, -100.0, 100.0, true, "height 5"},
                   {"Y6", 1.0, -100.0, 100.0, true, "height 6"},
                   {"Y7", 1.5, -100.0, 100.0, true, "height 7"},
                   {"Y8", 2.0, -100.0, 100.0, true, "height 8"})

NEURON_PWLU(pwlu, 8, "8")
