/* viz/plot.c: axes, ticks, legends, sliders. */
#include "viz/plot.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double viz_round_step(double range, int n)
{
    if (!(range > 0) || n < 1)
        return 1;
    const double rough = range / n, power = pow(10, floor(log10(rough)));
    const double lead = rough / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

const char *viz_number(double value, char *buffer, size_t size)
{
    static const struct {
        double unit;
        const char *letter;
    } units[] = {{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e4, " k"}};
    const double much = fabs(value);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (much >= units[i].unit) {
            const double unit = units[i].unit == 1e4 ? 1e3 : units[i].unit;
            snprintf(buffer, size, "%.3g%s", value / unit, units[i].letter);
            if (strchr(buffer, 'e')) /* 999.6 rounds to 1e+03 */
                snprintf(buffer, size, "%.0f%s", value / unit, units[i].letter);
            return buffer;
        }
    if (value == 0)
        snprintf(buffer, size, "0");
    else if (much >= 100)
        snprintf(buffer, size, "%.0f", value);
    else
        snprintf(buffer, size, "%.3g", value);
    return buffer;
}

const char *viz_bytes(double bytes, char *buffer, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    for (; bytes >= 1000 && i + 1 < sizeof units / sizeof *units; i++)
        bytes /= 1024;
    snprintf(buffer, size,
             bytes < 10 && i    ? "%.2f %s"
             : bytes < 100 && i ? "%.1f %s"
                                : "%.0f %s",
             bytes, units[i]);
    return buffer;
}

const char *viz_duration(double us, char *buffer, size_t size)
{
    static const struct {
        double us;
        const char *name;
    } units[] = {{3.6e9, "h"}, {6e7, "min"}, {1e6, "s"}, {1e3, "ms"}, {1, "\xc2\xb5s"}};
    size_t i = 0;
    while (i + 1 < sizeof units / sizeof *units && fabs(us) < units[i].us * 0.9995)
        i++;
    const double value = us / units[i].us;
    snprintf(buffer, size, fabs(value) >= 100 ? "%.0f %s" : "%.3g %s", value,
             units[i].name);
    return buffer;
}

/* --- axes -----------------------------------------------------------------------------
 */

VizPoint viz_plot_point(const VizPlot *plot, double x, double y)
{
    double up = plot->log_y ? log(fmax(y, DBL_MIN) / plot->y0) / log(plot->y1 / plot->y0)
                            : (y - plot->y0) / (plot->y1 - plot->y0);
    up = fmin(fmax(up, -100), 100);
    return (VizPoint){plot->area.x +
                          (float)((x - plot->x0) / (plot->x1 - plot->x0)) * plot->area.w,
                      plot->area.y + (1 - (float)up) * plot->area.h};
}

double viz_plot_x(const VizPlot *plot, float x)
{
    return plot->x0 + (double)((x - plot->area.x) / plot->area.w) * (plot->x1 - plot->x0);
}

double viz_plot_y(const VizPlot *plot, float y)
{
    const double up = 1 - (double)((y - plot->area.y) / plot->area.h);
    return plot->log_y ? plot->y0 * pow(plot->y1 / plot->y0, up)
                       : plot->y0 + up * (plot->y1 - plot->y0);
}

/* All ticks of an axis with as many digits as its step needs. */
static void tick_text(double value, double step, char *text, size_t size)
{
    if (fabs(value) >= 1e4 || step >= 1e4 || step < 1e-4) {
        viz_number(value, text, size);
        return;
    }
    int digits = (int)ceil(-log10(step) - 1e-9);
    digits = digits < 0 ? 0 : digits > 6 ? 6 : digits;
    snprintf(text, size, "%.*f", digits, fabs(value) < step / 2 ? 0.0 : value);
}

static void y_ticks(VizDraw *draw, const VizTheme *theme, const VizPlot *plot,
                    double step)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    char text[32];
    if (plot->log_y) {
        const double decades = log10(plot->y1 / plot->y0);
        const double each = ceil(decades * (double)(1.2f * line / plot->area.h));
        for (double y = pow(10, ceil(log10(plot->y0) - 1e-9)); y <= plot->y1 * 1.0001;
             y *= pow(10, each)) {
            const float at = viz_plot_point(plot, plot->x0, y).y;
            viz_line(draw, plot->area.x, at, plot->area.x + plot->area.w, at, 1,
                     theme->faint);
            viz_text(draw, VIZ_FONT_SMALL, plot->area.x - 5, at - line / 2, VIZ_RIGHT,
                     theme->dim, "%s", viz_number(y, text, sizeof text));
        }
        return;
    }
    const double low = fmin(plot->y0, plot->y1), high = fmax(plot->y0, plot->y1);
    for (double y = ceil(low / step - 1e-9) * step; y <= high + step * 1e-6; y += step) {
        const float at = viz_plot_point(plot, plot->x0, y).y;
        viz_line(draw, plot->area.x, at, plot->area.x + plot->area.w, at, 1,
                 theme->faint);
        tick_text(y, step, text, sizeof text);
        viz_text(draw, VIZ_FONT_SMALL, plot->area.x - 5, at - line / 2, VIZ_RIGHT,
                 theme->dim, "%s", text);
    }
}

static void x_ticks(VizDraw *draw, const VizTheme *theme, const VizPlot *plot,
                    double step)
{
    char text[32];
    const float below = plot->area.y + plot->area.h;
    for (double x = ceil(plot->x0 / step - 1e-9) * step; x <= plot->x1 + step * 1e-6;
         x += step) {
        const float at = viz_plot_point(plot, x, plot->y0).x;
        viz_line(draw, at, plot->area.y, at, below, 1, theme->faint);
        tick_text(x, step, text, sizeof text);
        viz_text(draw, VIZ_FONT_SMALL, at, below + 3, VIZ_CENTRE, theme->dim, "%s", text);
    }
}

VizPlot viz_plot_begin(VizDraw *draw, const VizTheme *theme, VizRect outer, double x0,
                       double x1, const char *x_label, double y0, double y1,
                       const char *y_label, bool log_y)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    if (!(x1 > x0))
        x1 = x0 + 1;
    if (!(y1 > y0 || y1 < y0))
        y1 = y0 + 1;
    VizPlot plot = {outer, x0, x1, y0, y1, log_y && y0 > 0};
    plot.area.y += line / 2;
    plot.area.h -= line / 2;
    const bool is_low = outer.h < 6 * line; /* numbers say enough of its axis */
    if (outer.h < 3 * line)
        x_label = NULL;
    if (x_label)
        viz_cut_bottom(&plot.area, (is_low ? 1 : 2) * line + 4);
    else
        viz_cut_bottom(&plot.area, line / 2);
    if (plot.area.h < 4)
        plot.area.h = 4;
    const int n_y = (int)fmaxf(plot.area.h / (2.2f * line), 1);
    const double y_step = viz_round_step(fabs(y1 - y0), n_y);
    if (y_label) {
        float widest = 0;
        char text[32];
        const double low = fmin(y0, y1), high = fmax(y0, y1);
        const double first = plot.log_y ? low : ceil(low / y_step - 1e-9) * y_step;
        for (double y = first; y <= high * 1.0001; y = plot.log_y ? y * 10 : y + y_step) {
            if (plot.log_y)
                viz_number(y, text, sizeof text);
            else
                tick_text(y, y_step, text, sizeof text);
            widest = fmaxf(widest, viz_text_width(draw, VIZ_FONT_SMALL, text));
            if (!(y + y_step > y))
                break;
        }
        viz_cut_left(&plot.area, widest + 8 + (*y_label ? line + 2 : 0));
    }
    viz_cut_right(&plot.area, 8);
    if (plot.area.w < 4)
        plot.area.w = 4;
    if (y_label) {
        y_ticks(draw, theme, &plot, y_step);
        viz_text_up(draw, VIZ_FONT_SMALL, outer.x, plot.area.y + plot.area.h / 2,
                    VIZ_CENTRE, theme->dim, "%s", y_label);
    }
    if (x_label) {
        const int n_x = (int)fmaxf(plot.area.w / (5.0f * line), 1);
        x_ticks(draw, theme, &plot, viz_round_step(x1 - x0, n_x));
    }
    if (x_label && !is_low)
        viz_text(draw, VIZ_FONT_SMALL, plot.area.x + plot.area.w / 2,
                 plot.area.y + plot.area.h + line + 4, VIZ_CENTRE, theme->dim, "%s",
                 x_label);
    viz_frame(draw, plot.area, 1, theme->edge);
    return plot;
}

/* --- curves ---------------------------------------------------------------------------
 */

static void flush(VizDraw *draw, VizPoint *points, size_t *n, float width,
                  VizColour colour)
{
    viz_polyline(draw, *n, points, width, colour);
    if (*n == 1)
        viz_disc(draw, points->x, points->y, width, colour);
    *n = 0;
}

/* More values than this many a point wide are drawn as the extremes of each stretch. */
static void extremes(VizDraw *draw, const VizPlot *plot, size_t n, const float *values,
                     double first, double step, float width, VizColour colour,
                     VizPoint *points, size_t stretches)
{
    size_t used = 0;
    for (size_t s = 0; s < stretches; s++) {
        const size_t from = s * n / stretches, to = (s + 1) * n / stretches;
        size_t low = from, high = from;
        bool any = false;
        for (size_t i = from; i < to; i++) {
            if (isnan(values[i]))
                continue;
            if (!any || values[i] < values[low])
                low = i;
            if (!any || values[i] > values[high])
                high = i;
            any = true;
        }
        if (!any) {
            flush(draw, points, &used, width, colour);
            continue;
        }
        const size_t a = low < high ? low : high, b = low < high ? high : low;
        points[used++] =
            viz_plot_point(plot, first + (double)a * step, (double)values[a]);
        if (b != a)
            points[used++] =
                viz_plot_point(plot, first + (double)b * step, (double)values[b]);
    }
    flush(draw, points, &used, width, colour);
}

void viz_plot_values(VizDraw *draw, const VizPlot *plot, size_t n, const float *values,
                     double first, double step, float width, VizColour colour)
{
    const size_t stretches = (size_t)fmaxf(plot->area.w, 1);
    VizPoint *const points =
        malloc((2 * (n < stretches ? n : stretches) + 2) * sizeof *points);
    if (!points)
        return;
    const VizRect former = viz_draw_clip(draw, viz_inset(plot->area, -2));
    if (n > 2 * stretches) {
        extremes(draw, plot, n, values, first, step, width, colour, points, stretches);
    } else {
        size_t used = 0;
        for (size_t i = 0; i < n; i++) {
            if (isnan(values[i])) {
                flush(draw, points, &used, width, colour);
                continue;
            }
            if (used >= 2 * stretches) { /* go on from the last point */
                const VizPoint last = points[used - 1];
                flush(draw, points, &used, width, colour);
                points[used++] = last;
            }
            points[used++] =
                viz_plot_point(plot, first + (double)i * step, (double)values[i]);
        }
        flush(draw, points, &used, width, colour);
    }
    viz_draw_unclip(draw, former);
    free(points);
}

void viz_plot_line(VizDraw *draw, const VizPlot *plot, size_t n, const double *x,
                   const double *y, float width, VizColour colour)
{
    VizPoint *const points = malloc((n + 1) * sizeof *points);
    if (!points)
        return;
    size_t used = 0;
    const VizRect former = viz_draw_clip(draw, viz_inset(plot->area, -2));
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i]))
            flush(draw, points, &used, width, colour);
        else
            points[used++] = viz_plot_point(plot, x[i], y[i]);
    }
    flush(draw, points, &used, width, colour);
    viz_draw_unclip(draw, former);
    free(points);
}

void viz_plot_cursor(VizDraw *draw, const VizTheme *theme, const VizPlot *plot, double x)
{
    if (x < plot->x0 || x > plot->x1)
        return;
    const float at = viz_plot_point(plot, x, plot->y0).x;
    viz_line(draw, at, plot->area.y, at, plot->area.y + plot->area.h, 1.5f,
             theme->cursor);
}

/* --- legends and things to press -------------------------------------------------------
 */

void viz_legend(VizDraw *draw, const VizTheme *theme, VizRect area,
                const VizColour *table, double low, double high, const char *unit)
{
    char from[32], to[32], end[96];
    viz_number(low, from, sizeof from);
    snprintf(end, sizeof end, "%s%s%s", viz_number(high, to, sizeof to), *unit ? " " : "",
             unit);
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const float y = area.y + (area.h - line) / 2;
    const VizRect left =
        viz_cut_left(&area, viz_text_width(draw, VIZ_FONT_SMALL, from) + 6);
    const VizRect right =
        viz_cut_right(&area, viz_text_width(draw, VIZ_FONT_SMALL, end) + 6);
    viz_text(draw, VIZ_FONT_SMALL, left.x, y, VIZ_LEFT, theme->dim, "%s", from);
    viz_text(draw, VIZ_FONT_SMALL, right.x + 6, y, VIZ_LEFT, theme->dim, "%s", end);
    uint8_t ramp[VIZ_TABLE];
    for (int i = 0; i < VIZ_TABLE; i++)
        ramp[i] = (uint8_t)i;
    const float thick = fminf(area.h, 10);
    viz_image(draw, (VizRect){area.x, area.y + (area.h - thick) / 2, area.w, thick},
              VIZ_TABLE, 1, ramp, table);
}

void viz_button(VizDraw *draw, const VizTheme *theme, VizRect area, int id,
                const char *label, bool chosen, const char *tip)
{
    const float line = viz_line_height(draw, VIZ_FONT_NORMAL);
    viz_round_rect(draw, area, 4, chosen ? theme->accent : theme->raised);
    viz_text(draw, VIZ_FONT_NORMAL, area.x + area.w / 2, area.y + (area.h - line) / 2,
             VIZ_CENTRE, chosen ? theme->panel : theme->text, "%s", label);
    viz_hit(draw, area, id, tip ? "%s" : NULL, tip);
}

float viz_choice_height(const VizDraw *draw)
{
    return viz_line_height(draw, VIZ_FONT_SMALL) + 6;
}

float viz_choice(VizDraw *draw, const VizTheme *theme, float x, float y, int first_id,
                 size_t n, const char *const *labels, size_t chosen, const char *tip)
{
    const float height = viz_choice_height(draw);
    float width = 0;
    for (size_t i = 0; i < n; i++)
        width += viz_text_width(draw, VIZ_FONT_SMALL, labels[i]) + 14;
    viz_round_rect(draw, (VizRect){x, y, width, height}, 4, theme->raised);
    float at = x;
    for (size_t i = 0; i < n; i++) {
        const VizRect area = {at, y, viz_text_width(draw, VIZ_FONT_SMALL, labels[i]) + 14,
                              height};
        if (i == chosen)
            viz_round_rect(draw, area, 4, theme->accent);
        viz_text(draw, VIZ_FONT_SMALL, area.x + area.w / 2, y + 3, VIZ_CENTRE,
                 i == chosen ? theme->panel : theme->dim, "%s", labels[i]);
        viz_hit(draw, area, first_id + (int)i, tip ? "%s" : NULL, tip);
        at += area.w;
    }
    return width;
}

/* label  ────●────  value unit */
static VizRect slider_track(VizRect area)
{
    viz_cut_left(&area, fminf(110, area.w * 0.34f));
    viz_cut_right(&area, fminf(70, area.w * 0.4f));
    area.y += area.h / 2;
    area.h = 0;
    return area;
}

void viz_slider(VizDraw *draw, const VizTheme *theme, VizRect area, int id,
                const char *label, double value, double low, double high,
                const char *unit)
{
    char number[32];
    const VizRect track = slider_track(area);
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const float y = area.y + (area.h - line) / 2;
    const float at =
        track.x + track.w * (float)fmin(fmax((value - low) / (high - low), 0), 1);
    viz_text_within(draw, VIZ_FONT_SMALL, area.x, y, track.x - area.x - 8, VIZ_LEFT,
                    theme->dim, "%s", label);
    viz_round_rect(draw, (VizRect){track.x, track.y - 2, track.w, 4}, 2, theme->pressed);
    viz_round_rect(draw, (VizRect){track.x, track.y - 2, at - track.x, 4}, 2,
                   theme->accent);
    viz_disc(draw, at, track.y, 6, theme->accent);
    viz_text(draw, VIZ_FONT_SMALL, track.x + track.w + 10, y, VIZ_LEFT, theme->text,
             "%s%s%s", viz_number(value, number, sizeof number), *unit ? " " : "", unit);
    viz_hit(draw, (VizRect){track.x - 6, area.y, track.w + 12, area.h}, id, NULL);
}

double viz_slider_value(VizRect area, float x, double low, double high)
{
    const VizRect track = slider_track(area);
    const double share = (double)((x - track.x) / track.w);
    return low + fmin(fmax(share, 0), 1) * (high - low);
}

void viz_nothing(VizDraw *draw, const VizTheme *theme, VizRect area, const char *format,
                 ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* Broken into lines at spaces, as many words in each as fit. */
    enum { LINES = 12 };
    const float line = viz_line_height(draw, VIZ_FONT_NORMAL), room = area.w - 24;
    char *starts[LINES];
    size_t n = 0;
    for (char *at = text; *at && n < LINES;) {
        starts[n++] = at;
        char *end = at + strlen(at), *next = end;
        while (viz_text_width(draw, VIZ_FONT_NORMAL, at) > room) {
            char *const space = strrchr(at, ' ');
            if (!space)
                break; /* one word, cut by viz_text_within */
            if (next < end)
                *next = ' ';
            *space = '\0';
            next = space;
        }
        at = next < end ? next + 1 : end;
    }
    float y = area.y + (area.h - line * (float)n) / 2;
    for (size_t i = 0; i < n; i++, y += line)
        viz_text_within(draw, VIZ_FONT_NORMAL, area.x + area.w / 2, y, room, VIZ_CENTRE,
                        theme->dim, "%s", starts[i]);
}
