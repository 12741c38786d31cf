/* viz/answers.h: what a net answers after each step, kept while steps come and go.
 *
 * The answer after step t is the class with the largest mean score over steps 0 .. t, as
 * in training. */
#pragma once

#include "viz/view.h"

typedef struct VizAnswers { /* zeroed: nothing known */
    const VizSubject *subject;
    char input[256];
    size_t n_steps, n_classes;
    size_t n;       /* steps 0 .. n - 1 are known, without a gap */
    float *means;   /* owned, [n_steps, n_classes]: after each step */
    uint32_t *best; /* owned, [n_steps]: the answer */
} VizAnswers;

/* Takes in the steps that have come; starts anew with another subject or input. False
 * when the subject has no scores (or there is no memory). */
bool viz_answers_follow(VizAnswers *answers, const VizSide *side);
void viz_answers_destroy(VizAnswers *answers);

/* The last step known up to `now`; false: none. */
bool viz_answers_last(const VizAnswers *answers, size_t now, size_t *step);
/* The step since which the answer of `step` holds. */
size_t viz_answers_since(const VizAnswers *answers, size_t step);
/* The classes with the largest means after a step, best first; returns how many. */
size_t viz_answers_leaders(const VizAnswers *answers, size_t step, size_t most,
                           size_t *classes);
/* Whether the answer of a step is the label; false, too, where the label is unknown. */
bool viz_answers_right(const VizAnswers *answers, size_t step);
bool viz_answers_judged(const VizAnswers *answers); /* the label is known */
