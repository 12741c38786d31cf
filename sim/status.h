/* sim/status.h: how a function says that it failed, and why.
 *
 * What can fail returns a SimStatus; results leave through pointers, which a failure
 * does not touch. The sentence for the user is kept once per thread, until the next
 * failure on that thread. */
#pragma once

#define SIM_STATUS_LIST(X)                                                               \
    X(SIM_OK, "no error")                                                                \
    X(SIM_ERR_MEMORY, "out of memory")                                                   \
    X(SIM_ERR_IO, "input or output failed")                                              \
    X(SIM_ERR_FORMAT, "a file is not what it should be")                                 \
    X(SIM_ERR_SHAPE, "shapes do not fit")                                                \
    X(SIM_ERR_VALUE, "a value is out of range")                                          \
    X(SIM_ERR_UNSUPPORTED, "not supported by this build")                                \
    X(SIM_ERR_NUMERIC, "a number is not finite")                                         \
    X(SIM_ERR_STOPPED, "stopped on request")

typedef enum SimStatus {
#define X(code, text) code,
    SIM_STATUS_LIST(X)
#undef X
} SimStatus;

/* Keeps the formatted sentence for this thread and returns `code`.
 * Say the place, what was wanted, what came, and the remedy. */
SimStatus sim_fail(SimStatus code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " before the sentence kept for this thread; returns `code`. */
SimStatus sim_fail_within(SimStatus code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

const char *sim_message(void); /* borrowed until the next failure on this thread */
const char *sim_status_text(SimStatus code); /* borrowed for ever */

/* On failure jumps to the label `out`; the function keeps its result in `status`. */
#define SIM_TRY(expression)                                                              \
    do {                                                                                 \
        status = (expression);                                                           \
        if (status != SIM_OK)                                                            \
            goto out;                                                                    \
    } while (0)
