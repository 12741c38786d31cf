/* Files that are whole or not there. */
#include "sim/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "sim/store.h"
#include "tests/support.h"

TestSuite(file, .fini = test_folder_remove);

static char path[160];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    return path;
}

static SimFile begin(const char *name, const char *text)
{
    SimFile file;
    cr_assert_eq(sim_file_create(in_folder(name), &file), SIM_OK, "%s", sim_message());
    fputs(text, file.stream);
    return file;
}

static void expect_text(const char *name, const char *wanted)
{
    char text[64] = "";
    FILE *const from = fopen(in_folder(name), "r");
    cr_assert_not_null(from, "%s is not there", path);
    text[fread(text, 1, sizeof text - 1, from)] = '\0';
    fclose(from);
    cr_expect_str_eq(text, wanted);
}

static void expect_alone(void) /* nothing is left beside what was asked for */
{
    char command[128];
    snprintf(command, sizeof command, "! ls '%s' | grep -q tmp", test_folder());
    cr_expect_eq(system(command), 0);
}

Test(file, takes_its_name_when_it_is_whole)
{
    SimFile file = begin("a", "before");
    cr_expect_neq(access(path, F_OK), 0, "half a file has the name");
    cr_assert_eq(sim_file_commit(&file), SIM_OK);
    file = begin("a", "after");
    fflush(file.stream);
    expect_text("a", "before");
    sim_file_destroy(&file); /* dropped */
    expect_text("a", "before");
    file = begin("a", "after");
    cr_assert_eq(sim_file_finish(&file), SIM_OK);
    expect_text("a", "after");
    expect_alone();
}

Test(file, a_full_disk_leaves_the_file_before)
{
    const struct rlimit limit = {4096, 4096};
    SimFile file = begin("a", "before");
    cr_assert_eq(sim_file_commit(&file), SIM_OK);
    file = begin("a", "");
    for (int i = 0; i < 10000; i++)
        fputc('x', file.stream);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_expect_eq(sim_file_commit(&file), SIM_ERR_IO);
    cr_expect_not_null(strstr(sim_message(), "/a: could not be written"), "%s",
                       sim_message());
    expect_text("a", "before");
    expect_alone();
}

Test(file, a_link_stays_one)
{
    struct stat about;
    SimFile file = begin("a", "before");
    cr_assert_eq(sim_file_commit(&file), SIM_OK);
    cr_assert_eq(symlink("a", in_folder("link")), 0);
    file = begin("link", "after");
    cr_assert_eq(sim_file_commit(&file), SIM_OK);
    expect_text("a", "after");
    cr_assert_eq(lstat(in_folder("link"), &about), 0);
    cr_expect(S_ISLNK(about.st_mode));

    SimStore *store = NULL;
    cr_assert_eq(sim_store_create(path, &store), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_store_commit(store), SIM_OK, "%s", sim_message());
    sim_store_close(store);
    cr_assert_eq(lstat(path, &about), 0);
    cr_expect(S_ISLNK(about.st_mode));
    cr_expect(sim_store_is(in_folder("a")));
}

/* Once such a name was replaced: by root, /dev/null was a file from then on. */
Test(file, what_is_no_plain_file_is_never_replaced)
{
    struct stat about;
    char text[16] = "";
    cr_assert_eq(mkfifo(in_folder("pipe"), 0600), 0);
    const int end = open(path, O_RDWR | O_NONBLOCK);
    cr_assert_geq(end, 0);
    SimFile file = begin("pipe", "through");
    cr_assert_eq(sim_file_commit(&file), SIM_OK, "%s", sim_message());
    cr_expect_eq(read(end, text, sizeof text - 1), 7);
    cr_expect_str_eq(text, "through");

    SimStore *store = NULL;
    cr_expect_eq(sim_store_create(in_folder("pipe"), &store), SIM_ERR_VALUE);
    cr_expect_null(store);
    file = begin("pipe", "dropped");
    sim_file_destroy(&file);
    cr_assert_eq(stat(in_folder("pipe"), &about), 0);
    cr_expect(S_ISFIFO(about.st_mode));
    close(end);
    expect_alone();
}

Test(file, a_folder_is_no_file)
{
    SimFile file = {0};
    SimStore *store = NULL;
    cr_expect_eq(sim_file_create(test_folder(), &file), SIM_ERR_IO);
    cr_expect_not_null(strstr(sim_message(), strerror(EISDIR)), "%s", sim_message());
    cr_expect_neq(sim_store_create(test_folder(), &store), SIM_OK);
}

Test(file, folders_are_made_with_what_leads_there)
{
    SimFile file = begin("a", "");
    cr_assert_eq(sim_file_finish(&file), SIM_OK);
    cr_assert_eq(sim_folder_make(in_folder("b/c/d/")), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_folder_make(path), SIM_OK);
    cr_expect_eq(access(in_folder("b/c/d"), W_OK), 0);
    cr_expect_eq(sim_folder_make(in_folder("a/b")), SIM_ERR_IO);
    cr_expect_not_null(strstr(sim_message(), "/a: cannot make"), "%s", sim_message());
    cr_expect_neq(sim_folder_make(""), SIM_OK);
}
