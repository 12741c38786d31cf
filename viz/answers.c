/* viz/answers.c: running means of class scores. */
#include "viz/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void viz_answers_destroy(VizAnswers *answers)
{
    free(answers->means);
    free(answers->best);
    *answers = (VizAnswers){0};
}

static bool begin(VizAnswers *answers, const VizSubject *subject)
{
    if (answers->means && answers->subject == subject &&
        answers->n_steps == subject->n_steps &&
        strcmp(answers->input, subject->input) == 0)
        return true;
    viz_answers_destroy(answers);
    if (subject->n_classes == 0 || subject->n_steps == 0)
        return false;
    answers->means = calloc(subject->n_steps * subject->n_classes, sizeof(float));
    answers->best = calloc(subject->n_steps, sizeof *answers->best);
    if (!answers->means || !answers->best) {
        viz_answers_destroy(answers);
        return false;
    }
    answers->subject = subject;
    snprintf(answers->input, sizeof answers->input, "%s", subject->input);
    answers->n_steps = subject->n_steps;
    answers->n_classes = subject->n_classes;
    return true;
}

bool viz_answers_follow(VizAnswers *answers, const VizSide *side)
{
    if (!side->subject || !begin(answers, side->subject))
        return false;
    const size_t n = answers->n_classes;
    for (; side->feed && answers->n < answers->n_steps; answers->n++) {
        const size_t k = answers->n;
        const VizStep *const step = viz_feed_step(side->feed, k);
        if (!step || !step->scores)
            break;
        float *const means = answers->means + k * n;
        size_t best = 0;
        for (size_t c = 0; c < n; c++) {
            const double before = k ? (double)means[(ptrdiff_t)c - (ptrdiff_t)n] : 0;
            means[c] =
                (float)(before + ((double)step->scores[c] - before) / (double)(k + 1));
            best = means[c] > means[best] ? c : best;
        }
        answers->best[k] = (uint32_t)best;
    }
    return true;
}

bool viz_answers_last(const VizAnswers *answers, size_t now, size_t *step)
{
    if (answers->n == 0)
        return false;
    *step = now < answers->n ? now : answers->n - 1;
    return true;
}

size_t viz_answers_since(const VizAnswers *answers, size_t step)
{
    size_t at = step;
    while (at > 0 && answers->best[at - 1] == answers->best[step])
        at--;
    return at;
}

size_t viz_answers_leaders(const VizAnswers *answers, size_t step, size_t most,
                           size_t *classes)
{
    const float *const means = answers->means + step * answers->n_classes;
    size_t n = 0;
    for (size_t c = 0; c < answers->n_classes; c++) {
        size_t at = n;
        while (at > 0 && means[c] > means[classes[at - 1]])
            at--;
        if (at >= most)
            continue;
        n += n < most;
        memmove(classes + at + 1, classes + at, (n - 1 - at) * sizeof *classes);
        classes[at] = c;
    }
    return n;
}

bool viz_answers_judged(const VizAnswers *answers)
{
    const VizSubject *const subject = answers->subject;
    return subject && subject->label >= 0 && (size_t)subject->label < answers->n_classes;
}

bool viz_answers_right(const VizAnswers *answers, size_t step)
{
    return viz_answers_judged(answers) &&
           answers->best[step] == (uint32_t)answers->subject->label;
}
