/* viz/lab_units.c: see lab_units.h. */
#include "viz/lab_units.h"

#include <math.h>

#include "neurons/activation.h"

size_t viz_lab_branches(int side)
{
    return side == VIZ_LAB_STANDARD ? 1 : 2;
}

size_t viz_lab_functions(int side, const NeuronDendrite *out[VIZ_LAB_FUNCTIONS])
{
    size_t n = 0;
    for (const NeuronDendrite *const *at = neuron_dendrites; *at && n < VIZ_LAB_FUNCTIONS;
         at++)
        if ((*at)->pointwise && (*at)->n_branches == viz_lab_branches(side))
            out[n++] = *at;
    return n;
}

double viz_lab_apply(const VizLabUnit *unit, const double *z)
{
    double y = 0;
    neuron_activation_reference(unit->function, z, unit->params, &y, NULL, NULL);
    return y;
}

double viz_lab_answer(const VizLab *lab, int side, double x1, double x2)
{
    const VizLabUnit *const unit = &lab->units[side];
    double z[VIZ_LAB_BRANCHES];
    for (size_t b = 0; b < viz_lab_branches(side); b++)
        z[b] = unit->weights[b][0] * x1 + unit->weights[b][1] * x2 + unit->weights[b][2];
    const double current = viz_lab_apply(unit, z);
    if (lab->soma.soma->passes || !lab->soma.soma->reference)
        return current;
    double currents[VIZ_LAB_STEPS], outputs[VIZ_LAB_STEPS], sum = 0;
    for (size_t k = 0; k < VIZ_LAB_STEPS; k++)
        currents[k] = current;
    lab->soma.soma->reference(&lab->soma, VIZ_LAB_STEPS, currents, outputs, NULL, NULL);
    for (size_t k = 0; k < VIZ_LAB_STEPS; k++)
        sum += outputs[k];
    return sum / VIZ_LAB_STEPS;
}

double viz_lab_input(size_t i)
{
    return VIZ_LAB_REACH * (2 * ((double)i + 0.5) / VIZ_LAB_GRID - 1);
}

void viz_lab_compute(VizLab *lab)
{
    for (int side = 0; side < VIZ_LAB_SIDES; side++) {
        lab->low[side] = (double)INFINITY;
        lab->high[side] = (double)-INFINITY;
        for (size_t i = 0; i < VIZ_LAB_GRID * VIZ_LAB_GRID && lab->units[side].function;
             i++) {
            const double x2 =
                viz_lab_input(VIZ_LAB_GRID - 1 - i / VIZ_LAB_GRID); /* up is positive */
            const double y =
                viz_lab_answer(lab, side, viz_lab_input(i % VIZ_LAB_GRID), x2);
            lab->answers[side][i] = (float)y;
            if (isfinite(y)) {
                lab->low[side] = fmin(lab->low[side], y);
                lab->high[side] = fmax(lab->high[side], y);
            }
        }
    }
    lab->fresh = true;
}

/* Halfway for answers that are never negative, else zero. */
static void choose_threshold(VizLab *lab, int side)
{
    viz_lab_compute(lab);
    const double low = lab->low[side], high = lab->high[side];
    lab->units[side].threshold = low < -1e-6 || !(high > 0) ? 0 : 0.5 * fmin(high, 1);
}

void viz_lab_set_function(VizLab *lab, int side, const NeuronDendrite *function)
{
    VizLabUnit *const unit = &lab->units[side];
    unit->function = function;
    for (size_t i = 0; i < function->n_params; i++)
        unit->params[i] = function->params[i].initial;
    choose_threshold(lab, side);
}

void viz_lab_set_soma(VizLab *lab, const NeuronSoma *soma)
{
    neuron_spec_set_soma(&lab->soma, soma);
    for (int side = 0; side < VIZ_LAB_SIDES; side++)
        if (lab->units[side].function)
            choose_threshold(lab, side);
}
