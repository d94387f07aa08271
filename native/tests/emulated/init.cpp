// First process of the emulated machine: runs /tests with CPU level avx512, says how it ended on the console, switches
// off.
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

int main() {
    mount("none", "/dev", "devtmpfs", 0, nullptr);
    mount("none", "/proc", "proc", 0, nullptr);
    mount("none", "/tmp", "tmpfs", 0, nullptr);
    setenv("LODE_CPU_LEVEL", "avx512", 1);
    const pid_t child = fork();
    if (child == 0) {
        execl("/tests", "/tests", static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    std::printf("\nEMULATED EXIT %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    std::fflush(stdout);
    tcdrain(STDOUT_FILENO);  // the power goes before a serial line that is still being sent
    reboot(RB_POWER_OFF);
    for (;;) pause();
}
