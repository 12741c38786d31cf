/* viz/lab_units.h: two single units on two inputs, a standard and a dendritic one: what
 * they compute, without a net and without a picture.
 *
 *     standard    y = f(w1 x1 + w2 x2 + b)
 *     dendritic   y = f(branch 1, branch 2), branch k = wk1 x1 + wk2 x2 + bk
 *
 * With a soma the answer is the mean output over VIZ_LAB_STEPS steps of that current. */
#pragma once

#include "neurons/neuron.h"

enum { VIZ_LAB_STANDARD, VIZ_LAB_DENDRITIC, VIZ_LAB_SIDES };
enum {
    VIZ_LAB_BRANCHES = 2,
    VIZ_LAB_GRID = 72, /* points each way */
    VIZ_LAB_STEPS = 32,
    VIZ_LAB_FUNCTIONS = 256
};
#define VIZ_LAB_REACH 3.0 /* inputs from -REACH to REACH */

typedef struct VizLabUnit {
    const NeuronDendrite *function;
    double weights[VIZ_LAB_BRANCHES][3]; /* of x1, x2, and the bias */
    double params[NEURON_MAX_PARAMS];
    double threshold; /* decides for "yes" above it */
} VizLabUnit;

typedef struct VizLab {
    VizLabUnit units[VIZ_LAB_SIDES];
    NeuronSpec soma;
    bool fresh; /* `answers` belong to the units */
    float answers[VIZ_LAB_SIDES][VIZ_LAB_GRID * VIZ_LAB_GRID]; /* rows downwards */
    double low[VIZ_LAB_SIDES], high[VIZ_LAB_SIDES];            /* of them */
} VizLab;

size_t viz_lab_branches(int side);
/* Functions of as many branches; returns how many. */
size_t viz_lab_functions(int side, const NeuronDendrite *out[VIZ_LAB_FUNCTIONS]);
double viz_lab_apply(const VizLabUnit *unit, const double *branches);
double viz_lab_answer(const VizLab *lab, int side, double x1, double x2);
double viz_lab_input(size_t i);    /* of column i of the grid, row GRID - 1 - i */
void viz_lab_compute(VizLab *lab); /* `answers` */
/* With its parameters at their start, and a threshold that suits its answers. */
void viz_lab_set_function(VizLab *lab, int side, const NeuronDendrite *function);
void viz_lab_set_soma(VizLab *lab, const NeuronSoma *soma);
