/* sim/status.c: the sentence a thread keeps about its last failure. */
#include "sim/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 1024 };
static _Thread_local char message[MESSAGE_SIZE];

SimStatus sim_fail(SimStatus code, const char *format, ...)
{
    /* Built aside: an argument may be the message itself. */
    char text[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(message, text, sizeof message);
    return code;
}

SimStatus sim_fail_within(SimStatus code, const char *format, ...)
{
    char prefix[MESSAGE_SIZE], text[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    size_t used = strlen(prefix);
    memcpy(text, prefix, used);
    const char *const parts[] = {": ", message};
    for (size_t i = 0; i < 2; i++) {
        const size_t room = sizeof text - 1 - used, length = strlen(parts[i]);
        memcpy(text + used, parts[i], length < room ? length : room);
        used += length < room ? length : room;
    }
    text[used] = '\0';
    memcpy(message, text, sizeof message);
    return code;
}

const char *sim_message(void)
{
    return message;
}

const char *sim_status_text(SimStatus code)
{
    switch (code) {
#define X(name, text)                                                                    \
    case name:                                                                           \
        return text;
        SIM_STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}
