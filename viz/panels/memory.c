/* viz/panels/memory.c: what training this net would keep, layer by layer, for each
 * policy.
 *
 * Plans only, nothing runs: a plan maps its memory and does not touch it. One plan is
 * made per frame. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/panel.h"
#include "viz/plot.h"

enum {
    POLICIES = 3,
    BATCHES = 5,
    LENGTHS = 5,
    PARTS = 4,
    HIT_BATCH = 1,
    HIT_LENGTH = 10
};

static const struct {
    const char *name, *summary;
    NetMemory memory;
} policies[POLICIES] = {
    {"keep", "all that backward reads", NET_MEMORY_KEEP},
    {"recompute", "packed spikes; the rest again", NET_MEMORY_RECOMPUTE},
    {"reverse", "reversible blocks rebuild theirs", NET_MEMORY_REVERSE},
};
static const size_t batches[BATCHES] = {1, 4, 16, 64, 256};
static const size_t lengths[LENGTHS] = {4, 8, 16, 32, 64};
static const char *const part_names[PARTS] = {"activations", "states and saved",
                                              "scratch", "gradients"};

typedef struct Plan {
    bool done, possible;
    char why[256]; /* not possible */
    NetMemoryInfo memory;
    size_t *kept;     /* owned, [n_nodes] bytes */
    size_t most_kept; /* of one layer */
} Plan;

typedef struct State {
    const NetGraph *graph; /* what the plans are of */
    size_t batch, steps;   /* 0: not chosen yet */
    NetParams own;         /* where the net's do not fit this number of steps */
    bool has_own;
    Plan plans[POLICIES];
    size_t scroll;
} State;

/* --- plans
 * ------------------------------------------------------------------------------ */

static void forget(State *state)
{
    for (size_t i = 0; i < POLICIES; i++)
        free(state->plans[i].kept);
    memset(state->plans, 0, sizeof state->plans);
    if (state->has_own)
        net_params_destroy(&state->own);
    state->has_own = false;
}

/* Norms may have parameters for each step: for another length a net of its own. */
static SimStatus plan_net(State *state, const VizSubject *subject,
                          const NetPlanOptions *options, Net **net)
{
    SimStatus status = SIM_OK;
    if (!state->has_own)
        status =
            net_create(subject->graph, subject->params, options, subject->context, net);
    if (!state->has_own && status == SIM_ERR_SHAPE) {
        SIM_TRY(net_params_create(subject->graph, state->steps, 0, subject->context,
                                  &state->own));
        state->has_own = true;
    }
    if (state->has_own)
        status = net_create(subject->graph, &state->own, options, subject->context, net);
out:
    return status;
}

static void make(State *state, const VizSubject *subject, size_t policy)
{
    Plan *const plan = &state->plans[policy];
    const NetPlanOptions options = {.batch = state->batch,
                                    .steps = state->steps,
                                    .training = true,
                                    .memory = policies[policy].memory};
    Net *net = NULL;
    plan->done = true;
    plan->kept = calloc(subject->graph->n_nodes + 1, sizeof *plan->kept);
    if (!plan->kept || plan_net(state, subject, &options, &net) != SIM_OK) {
        snprintf(plan->why, sizeof plan->why, "%s",
                 plan->kept ? sim_message() : "no memory for a plan");
        return;
    }
    plan->possible = true;
    plan->memory = net_memory_info(net);
    for (size_t i = 0; i < subject->graph->n_nodes; i++) {
        plan->kept[i] = net_node_info(net, i).kept_bytes;
        plan->most_kept =
            plan->kept[i] > plan->most_kept ? plan->kept[i] : plan->most_kept;
    }
    net_destroy(net);
}

static const VizSubject *planned(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    return subject && subject->graph && subject->params && subject->context ? subject
                                                                            : NULL;
}

/* Those of the sequence shown where it is short enough to train on. */
static void begin(State *state, const VizSubject *subject)
{
    if (state->graph == subject->graph && state->batch)
        return;
    forget(state);
    state->graph = subject->graph;
    state->batch = 16;
    state->steps =
        subject->n_steps >= 1 && subject->n_steps <= 64 ? subject->n_steps : 16;
}

static void go_on(State *state, const VizSubject *subject, bool all)
{
    begin(state, subject);
    for (size_t i = 0; i < POLICIES; i++)
        if (!state->plans[i].done) {
            make(state, subject, i);
            if (!all)
                return;
        }
}

/* --- drawing ------------------------------------------------------------------------ */

static double part_of(const NetMemoryInfo *memory, int part)
{
    return (double)(part == 0   ? memory->activations
                    : part == 1 ? memory->states + memory->saved
                    : part == 2 ? memory->scratch
                                : memory->gradients);
}

static void draw_choices(const State *state, const VizView *view, VizDraw *draw,
                         VizRect head)
{
    char texts[BATCHES + LENGTHS][24];
    const char *labels[BATCHES + LENGTHS];
    size_t batch = BATCHES, length = LENGTHS;
    for (size_t i = 0; i < BATCHES; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", batches[i]);
        labels[i] = texts[i];
        batch = batches[i] == state->batch ? i : batch;
    }
    for (size_t i = 0; i < LENGTHS; i++) {
        snprintf(texts[BATCHES + i], sizeof texts[i], "%zu", lengths[i]);
        labels[BATCHES + i] = texts[BATCHES + i];
        length = lengths[i] == state->steps ? i : length;
    }
    const float top = head.y + 3;
    viz_text(draw, VIZ_FONT_SMALL, head.x, top, VIZ_LEFT, view->theme->dim, "batch");
    viz_cut_left(&head, viz_text_width(draw, VIZ_FONT_SMALL, "batch") + 8);
    viz_cut_left(&head, viz_choice(draw, view->theme, head.x, head.y, HIT_BATCH, BATCHES,
                                   labels, batch, "samples trained on at once") +
                            20);
    if (head.w < 220)
        return;
    viz_text(draw, VIZ_FONT_SMALL, head.x, top, VIZ_LEFT, view->theme->dim, "steps");
    viz_cut_left(&head, viz_text_width(draw, VIZ_FONT_SMALL, "steps") + 8);
    viz_cut_left(&head, viz_choice(draw, view->theme, head.x, head.y, HIT_LENGTH, LENGTHS,
                                   labels + BATCHES, length, "length of a sequence") +
                            12);
    if (length == LENGTHS)
        viz_text_within(draw, VIZ_FONT_SMALL, head.x, top, head.w, VIZ_LEFT,
                        view->theme->dim, "now %zu, as the input shown", state->steps);
}

/* Total, its parts as a bar, and what the policy is. */
static void draw_total(const Plan *plan, size_t policy, const VizView *view,
                       VizDraw *draw, VizRect area, double most)
{
    const VizTheme *const theme = view->theme;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const float big = viz_line_height(draw, VIZ_FONT_BOLD);
    char bytes[32];
    viz_text_within(draw, VIZ_FONT_BOLD, area.x, area.y, area.w, VIZ_LEFT, theme->text,
                    plan->possible ? "%s: %s" : "%s%s", policies[policy].name,
                    plan->possible
                        ? viz_bytes((double)plan->memory.total, bytes, sizeof bytes)
                    : plan->done ? ": not possible"
                                 : ": planning");
    viz_text_within(draw, VIZ_FONT_SMALL, area.x, area.y + big, area.w, VIZ_LEFT,
                    theme->dim, "%s", policies[policy].summary);
    VizRect bar = {area.x, area.y + big + line + 4, area.w, 14};
    viz_rect(draw, bar, theme->faint);
    for (int part = 0; plan->possible && part < PARTS; part++) {
        const double share = part_of(&plan->memory, part) / most;
        const VizRect at = viz_cut_left(&bar, area.w * (float)share);
        viz_rect(draw, at, theme->series[part]);
        viz_hit(draw, at, -1, "%s: %s", part_names[part],
                viz_bytes(part_of(&plan->memory, part), bytes, sizeof bytes));
    }
}

static void draw_part_names(const VizView *view, VizDraw *draw, VizRect line)
{
    for (int part = 0; part < PARTS; part++) {
        const float width = viz_text_width(draw, VIZ_FONT_SMALL, part_names[part]) + 32;
        if (width > line.w)
            return;
        const VizRect at = viz_cut_left(&line, width);
        viz_round_rect(draw, (VizRect){at.x, at.y + 3, 9, 9}, 2,
                       view->theme->series[part]);
        viz_text(draw, VIZ_FONT_SMALL, at.x + 14, at.y, VIZ_LEFT, view->theme->dim, "%s",
                 part_names[part]);
    }
}

static size_t rows_of(const State *state, size_t *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < state->graph->n_nodes; i++)
        for (size_t policy = 0; policy < POLICIES; policy++)
            if (state->plans[policy].possible && state->plans[policy].kept[i]) {
                rows[n++] = i;
                break;
            }
    return n;
}

static void draw_rows(State *state, const VizView *view, VizDraw *draw, VizRect area,
                      float name_w, double most)
{
    const VizTheme *const theme = view->theme;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const VizRect title = viz_cut_top(&area, line + 4), all = area;
    size_t *const rows = malloc((state->graph->n_nodes + 1) * sizeof *rows);
    if (!rows || area.h < line) {
        free(rows);
        return;
    }
    const size_t n = rows_of(state, rows);
    const size_t fit = (size_t)(area.h / (line + 1));
    const size_t shown = n < fit ? n : fit, below = n - shown;
    const float height = fminf(area.h / (float)(shown ? shown : 1), 24);
    const float column = (area.w - name_w) / POLICIES;
    char bytes[32];
    state->scroll = state->scroll < below ? state->scroll : below;
    viz_text_within(draw, VIZ_FONT_SMALL, title.x, title.y, title.w, VIZ_LEFT,
                    theme->text,
                    below ? "kept from forward to backward: layers %zu to %zu of %zu "
                            "(wheel for the others)"
                          : "kept from forward to backward by each layer",
                    state->scroll + 1, state->scroll + shown, n);
    for (size_t i = 0; i < shown; i++) {
        const size_t node = rows[state->scroll + i];
        const NetNode *const of = &state->graph->nodes[node];
        VizRect row = viz_cut_top(&area, height);
        const float y = row.y + (row.h - line) / 2;
        viz_text_within(draw, VIZ_FONT_SMALL, row.x, y, name_w - 8, VIZ_LEFT, theme->dim,
                        "%s", of->name);
        viz_hit(draw, row, -1, "%s (%s)", of->name,
                of->layer ? of->layer->name : "input");
        for (size_t policy = 0; policy < POLICIES; policy++) {
            const Plan *const plan = &state->plans[policy];
            if (!plan->possible)
                continue;
            const float x = row.x + name_w + column * (float)policy;
            const double kept = (double)plan->kept[node];
            const float length = (column - 74) * (float)(kept / most);
            viz_rect(draw, (VizRect){x, row.y + 2, length, row.h - 4}, theme->series[0]);
            if (kept > 0 && column > 100)
                viz_text(draw, VIZ_FONT_SMALL, x + length + 5, y, VIZ_LEFT, theme->dim,
                         "%s", viz_bytes(kept, bytes, sizeof bytes));
        }
    }
    free(rows);
    for (size_t policy = 0; policy < POLICIES; policy++)
        if (state->plans[policy].done && !state->plans[policy].possible && column > 160 &&
            all.h > 200)
            viz_nothing(draw, theme,
                        (VizRect){all.x + name_w + column * (float)policy, all.y, column,
                                  fminf(all.h, 200)},
                        "%s", state->plans[policy].why);
}

/* Where there is no room for layers: a line for each policy. */
static void draw_short(const State *state, const VizView *view, VizDraw *draw,
                       VizRect area)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    char bytes[32];
    for (size_t i = 0; i < POLICIES && area.h >= line; i++) {
        const VizRect at = viz_cut_top(&area, line);
        const Plan *const plan = &state->plans[i];
        viz_text_within(draw, VIZ_FONT_SMALL, at.x, at.y, at.w, VIZ_LEFT,
                        view->theme->text, "%s: %s", policies[i].name,
                        plan->possible
                            ? viz_bytes((double)plan->memory.total, bytes, sizeof bytes)
                        : plan->done ? "not possible"
                                     : "planning");
    }
}

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    const VizSubject *const subject = planned(view);
    if (!subject) {
        viz_nothing(draw, view->theme, area,
                    view->sides[0].subject
                        ? "A recording has no plan: open the net it was made with."
                        : "No net is open.");
        return;
    }
    go_on(state, subject, view->headless);
    area = viz_inset(area, 8);
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    if (area.w < 420 || area.h < 150) {
        draw_short(state, view, draw, area);
        return;
    }
    draw_choices(state, view, draw, viz_cut_top(&area, viz_choice_height(draw)));
    viz_cut_top(&area, 8);
    double most = 1, most_kept = 1;
    for (size_t i = 0; i < POLICIES; i++) {
        most = fmax(most, (double)state->plans[i].memory.total);
        most_kept = fmax(most_kept, (double)state->plans[i].most_kept);
    }
    float name_w = 0;
    for (size_t i = 0; i < state->graph->n_nodes; i++)
        name_w = fmaxf(name_w,
                       viz_text_width(draw, VIZ_FONT_SMALL, state->graph->nodes[i].name));
    name_w = fminf(name_w + 12, 0.22f * area.w);
    VizRect totals =
        viz_cut_top(&area, viz_line_height(draw, VIZ_FONT_BOLD) + line + 4 + 14 + 8);
    viz_cut_left(&totals, name_w);
    const float column = totals.w / POLICIES;
    for (size_t i = 0; i < POLICIES; i++) {
        VizRect at = viz_cut_left(&totals, column);
        viz_cut_right(&at, 14);
        draw_total(&state->plans[i], i, view, draw, at, most);
    }
    VizRect names = viz_cut_top(&area, line + 8);
    viz_cut_left(&names, name_w);
    draw_part_names(view, draw, names);
    draw_rows(state, view, draw, area, name_w, most_kept);
}

/* --- the rest ----------------------------------------------------------------------- */

static bool input(void *opaque, VizView *view, const VizInput *input, VizRect area)
{
    State *const state = opaque;
    (void)view;
    (void)area;
    if (input->kind == VIZ_WHEEL) {
        const float to = (float)state->scroll - 3 * input->dy;
        state->scroll = to > 0 ? (size_t)to : 0;
        return true;
    }
    if (input->kind != VIZ_PRESS)
        return false;
    if (input->hit >= HIT_BATCH && input->hit < HIT_BATCH + BATCHES)
        state->batch = batches[input->hit - HIT_BATCH];
    else if (input->hit >= HIT_LENGTH && input->hit < HIT_LENGTH + LENGTHS)
        state->steps = lengths[input->hit - HIT_LENGTH];
    else
        return false;
    forget(state);
    return true;
}

static void caption(void *opaque, const VizView *view, char *text, size_t size)
{
    const State *const state = opaque;
    *text = '\0';
    if (planned(view) && state->batch)
        snprintf(text, size, "training with a batch of %zu over %zu steps", state->batch,
                 state->steps);
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    State *const state = opaque;
    const VizSubject *const subject = planned(view);
    if (!subject)
        return sim_fail(SIM_ERR_VALUE, "memory: no net is open");
    go_on(state, subject, true);
    fputs("layer", out);
    for (size_t policy = 0; policy < POLICIES; policy++)
        fprintf(out, ",%s_bytes", policies[policy].name);
    fputc('\n', out);
    for (size_t i = 0; i < subject->graph->n_nodes; i++) {
        fputs(subject->graph->nodes[i].name, out);
        for (size_t policy = 0; policy < POLICIES; policy++)
            if (state->plans[policy].possible)
                fprintf(out, ",%zu", state->plans[policy].kept[i]);
            else
                fputc(',', out);
        fputc('\n', out);
    }
    return SIM_OK;
}

static void destroy(void *state)
{
    forget(state);
}

static bool available(const VizView *view)
{
    return planned(view) != NULL;
}

static const VizPanelKey keys[] = {
    {"wheel", "more layers"},
    {NULL, NULL},
};

const VizPanel viz_panel_memory = {
    .name = "memory",
    .title = "Memory",
    .summary = "what training would keep of each layer: keep, recompute, reverse",
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
