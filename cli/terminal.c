/* cli/terminal.c: a line that is rewritten in place. */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool cli_is_terminal(FILE *stream)
{
    return isatty(fileno(stream)) != 0;
}

size_t cli_terminal_columns(FILE *stream)
{
    struct winsize size;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                            : 80;
}

/* Terminals of today show UTF-8; only who says otherwise gets plain letters. */
static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *const value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return true;
}

const char *cli_terminal_bar(char *buffer, size_t size, double share, size_t width)
{
    const bool pretty = is_utf8();
    const size_t full = (size_t)(share * (double)width + 1e-9);
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < width && used + 4 < size; i++) {
        const char *const part = i < full ? (pretty ? "━" : "#") : (pretty ? "╌" : ".");
        used += (size_t)snprintf(buffer + used, size - used, "%s", part);
    }
    return buffer;
}

size_t cli_terminal_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80; /* the first byte of a character */
    return n;
}
