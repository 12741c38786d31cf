/* datasets/readers/text.c: one event a line.
 *
 *     x y t p                  t in us, p 0/1 or -1/1
 *     t x y p                  t in us if all whole numbers, in seconds if not
 *     W H, then t x y p        as E2VID writes it, t in seconds
 *
 * Told apart by content: two numbers in the first line are E2VID's sensor size; else a
 * first column with a decimal point is a time in seconds; else the column that does not
 * go back is the time, the third if both do not. Fields are separated by blanks, tabs or
 * a comma; empty lines and lines that begin with '#' are passed over. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/file_internal.h"

enum { BUFFER = 1 << 16, LINE_SIZE = 256, MAX_FIELDS = 5 };

typedef enum Order { ORDER_XYTP, ORDER_TXYP_US, ORDER_TXYP_S } Order;

typedef struct State {
    Order order;
    uint64_t start; /* of the first event line */
    uint64_t at;    /* of buffer[used] in the file */
    size_t used, filled;
    char buffer[BUFFER];
} State;

/* The numbers of a line; -1: something in it is none, or there are too many. */
static int fields(const char *line, double *value, bool *fraction)
{
    int n = 0;
    *fraction = false;
    for (;;) {
        line += strspn(line, " \t,\r");
        if (*line == '\0')
            return n;
        if (n == MAX_FIELDS || !strchr("+-.0123456789", *line))
            return -1;
        const size_t length = strspn(line, "+-.0123456789eE");
        char *end;
        value[n] = strtod(line, &end);
        if (end != line + length || !isfinite(value[n]))
            return -1;
        if (n == 0)
            *fraction = memchr(line, '.', length) || memchr(line, 'e', length);
        if (*end && !strchr(" \t,\r", *end))
            return -1;
        n++;
        line = end;
    }
}

static bool whole(double value, double low, double high)
{
    return value >= low && value <= high && value == floor(value);
}

static bool is_polarity(double p)
{
    return p == 0.0 || p == 1.0 || p == -1.0;
}

/* The next whole line of `text`, without its end; false: none complete. */
static bool take_line(const char *text, size_t size, size_t *at, char *line)
{
    const char *end = memchr(text + *at, '\n', size - *at);
    if (!end)
        return false;
    const size_t length = (size_t)(end - (text + *at));
    if (length >= LINE_SIZE)
        return false;
    memcpy(line, text + *at, length);
    line[length] = '\0';
    *at += length + 1;
    return strlen(line) == length;
}

static bool is_passed_over(const char *line)
{
    line += strspn(line, " \t\r");
    return *line == '\0' || *line == '#';
}

typedef struct Look {
    Order order;
    uint64_t start;
    size_t width, height; /* 0: not stated */
    bool sure;
} Look;

/* What the first lines say. A file may be one line without an end. */
static bool look(const unsigned char *head, size_t size, uint64_t file_size, Look *out)
{
    char line[LINE_SIZE];
    double v[MAX_FIELDS], last_1 = -HUGE_VAL, last_3 = -HUGE_VAL;
    size_t at = 0, lines = 0, backward_1 = 0, backward_3 = 0;
    bool fraction, any_fraction = false, xy_first = true, xy_later = true;
    *out = (Look){0};
    for (;;) {
        const size_t before = at;
        if (!take_line((const char *)head, size, &at, line)) {
            if (size < file_size || at == size || size - at >= LINE_SIZE)
                break;
            memcpy(line, head + at, size - at);
            line[size - at] = '\0';
            if (strlen(line) != size - at)
                return false;
            at = size;
        }
        if (is_passed_over(line))
            continue;
        const int n = fields(line, v, &fraction);
        if (lines == 0 && n == 2 && out->width == 0 && whole(v[0], 1, DATA_MAX_SIDE) &&
            whole(v[1], 1, DATA_MAX_SIDE)) {
            out->width = (size_t)v[0];
            out->height = (size_t)v[1];
            continue;
        }
        if (n != 4 || !is_polarity(v[3])) {
            if (at == size && lines > 0 && size == file_size)
                break; /* a last line cut off */
            return false;
        }
        if (lines++ == 0)
            out->start = before;
        any_fraction |= fraction;
        xy_first &=
            whole(v[0], 0, DATA_MAX_SIDE - 1) && whole(v[1], 0, DATA_MAX_SIDE - 1);
        xy_later &=
            whole(v[1], 0, DATA_MAX_SIDE - 1) && whole(v[2], 0, DATA_MAX_SIDE - 1);
        backward_1 += v[0] < last_1;
        backward_3 += v[2] < last_3;
        last_1 = v[0];
        last_3 = v[2];
    }
    out->sure = out->width > 0 || lines >= 4;
    if (out->width > 0) {
        out->order = ORDER_TXYP_S;
        return xy_later || lines == 0;
    }
    if (any_fraction) {
        out->order = ORDER_TXYP_S;
        return lines > 0 && xy_later;
    }
    const bool time_first = !xy_first || (xy_later && backward_1 < backward_3);
    out->order = time_first ? ORDER_TXYP_US : ORDER_XYTP;
    return lines > 0 && (time_first ? xy_later : xy_first);
}

static int probe(const DataProbe *p)
{
    Look found;
    if (!look(p->head, p->head_size, p->file_size, &found))
        return 0;
    return found.sure ? 2 : 1;
}

/* The next line that is not passed over; *got false: the end. A line cut off by the end
 * of the file is given too, `complete` says so. */
static SimStatus next_line(DataFile *file, char *line, uint64_t *byte, bool *got,
                           bool *complete)
{
    State *s = file->state;
    *got = false;
    for (;;) {
        char *text = s->buffer + s->used, *end = memchr(text, '\n', s->filled - s->used);
        if (!end && s->filled - s->used < LINE_SIZE) {
            memmove(s->buffer, text, s->filled - s->used);
            s->filled -= s->used;
            s->used = 0;
            size_t more;
            const SimStatus status =
                data_read(file, BUFFER - s->filled, s->buffer + s->filled, &more);
            if (status != SIM_OK)
                return status;
            s->filled += more;
            if (more > 0)
                continue;
            if (s->filled == 0)
                return SIM_OK;
            text = s->buffer;
            end = s->buffer + s->filled;
        }
        const size_t length = end ? (size_t)(end - text) : LINE_SIZE;
        if (length >= LINE_SIZE)
            return data_bad(file, s->at,
                            "expected a line `x y t p`, found one of more than %d bytes",
                            LINE_SIZE);
        *complete = end < s->buffer + s->filled;
        memcpy(line, text, length);
        line[length] = '\0';
        for (char *zero = line;
             (zero = memchr(zero, '\0', (size_t)(line + length - zero)));)
            *zero = '?'; /* no text; the sentence about it shows it so */
        *byte = s->at;
        s->used += length + *complete;
        s->at += length + *complete;
        if (is_passed_over(line))
            continue;
        *got = true;
        return SIM_OK;
    }
}

typedef struct Parsed {
    int64_t t_us;
    uint32_t x, y;
    bool on;
} Parsed;

static SimStatus next_event(DataFile *file, Parsed *event, bool *got)
{
    const State *s = file->state;
    char line[LINE_SIZE];
    double v[MAX_FIELDS];
    uint64_t byte = 0;
    bool complete = true, fraction;
    SimStatus status = next_line(file, line, &byte, got, &complete);
    if (status != SIM_OK || !*got)
        return status;
    const int n = fields(line, v, &fraction);
    const double t = s->order == ORDER_XYTP ? v[2] : v[0];
    const double x = s->order == ORDER_XYTP ? v[0] : v[1];
    const double y = s->order == ORDER_XYTP ? v[1] : v[2];
    if (n != 4 || !whole(x, 0, DATA_MAX_SIDE - 1) || !whole(y, 0, DATA_MAX_SIDE - 1) ||
        !is_polarity(v[3]) || fabs(t) > 1e15) {
        if (!complete) { /* cut off inside a line */
            file->health.bytes_left = strlen(line);
            *got = false;
            return SIM_OK;
        }
        return data_bad(file, byte,
                        "expected `%s` (whole x and y below 4096, p 0, 1 or -1), found "
                        "\"%.60s\"; delete or mend that line",
                        s->order == ORDER_XYTP ? "x y t p" : "t x y p", line);
    }
    event->t_us = llrint(s->order == ORDER_TXYP_S ? t * 1e6 : floor(t));
    event->x = (uint32_t)x;
    event->y = (uint32_t)y;
    event->on = v[3] > 0.0;
    return SIM_OK;
}

static void rewind_events(DataFile *file)
{
    State *s = file->state;
    data_seek(file, s->start);
    s->at = s->start;
    s->used = s->filled = 0;
}

static SimStatus open_file(DataFile *file)
{
    static const char *const orders[] = {"x y t p, t in us", "t x y p, t in us",
                                         "t x y p, t in seconds"};
    SimStatus status = SIM_OK;
    State *s = calloc(1, sizeof *s);
    if (!s)
        return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
    file->state = s;
    Look found;
    size_t got = 0;
    SIM_TRY(data_read(file, BUFFER / 4, s->buffer, &got)); /* as much as probe saw */
    look((unsigned char *)s->buffer, got, file->size, &found);
    s->order = found.order;
    s->start = found.start;
    rewind_events(file);
    if (found.width > 0) {
        file->info.width = found.width;
        file->info.height = found.height;
        if (found.start == 0) /* a size and nothing else */
            data_seek(file, file->size);
    } else {
        Parsed event;
        uint32_t max_x = 0, max_y = 0;
        bool more = true;
        while (more) {
            SIM_TRY(next_event(file, &event, &more));
            max_x = more && event.x > max_x ? event.x : max_x;
            max_y = more && event.y > max_y ? event.y : max_y;
        }
        data_guess_sensor(max_x, max_y, &file->info.width, &file->info.height);
        file->health = (DataHealth){0};
        rewind_events(file);
    }
    snprintf(file->info.detail, sizeof file->info.detail, "%s%s", orders[s->order],
             found.width ? "" : "; sensor size not stated, taken from the events");
out:
    return status;
}

static SimStatus next_events(DataFile *file, size_t max, DataEvent *events, size_t *n)
{
    bool more = true;
    *n = 0;
    while (more && *n < max) {
        Parsed event;
        const SimStatus status = next_event(file, &event, &more);
        if (status != SIM_OK)
            return status;
        if (more && data_count_event(file, event.t_us, event.x, event.y))
            events[(*n)++] = (DataEvent){
                event.t_us, (uint16_t)event.x, (uint16_t)event.y, event.on, {0}};
    }
    return SIM_OK;
}

static void mark(const DataFile *file, DataMark *out)
{
    const State *s = file->state;
    *out = (DataMark){s->at, {0}, file->last_t_us};
}

static SimStatus go(DataFile *file, const DataMark *mark)
{
    State *s = file->state;
    data_seek(file, mark->at);
    s->at = mark->at;
    s->used = s->filled = 0;
    file->last_t_us = mark->last_t_us;
    return SIM_OK;
}

static void close_file(DataFile *file)
{
    free(file->state);
}

const DataReader data_reader_text = {
    .name = "text",
    .summary = "one event a line: `x y t p`, `t x y p`, or E2VID's with `W H` first",
    .kind = DATA_EVENTS,
    .probe = probe,
    .open = open_file,
    .next_events = next_events,
    .mark = mark,
    .go = go,
    .close = close_file,
};
