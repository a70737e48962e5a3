// SPDX-License-Identifier: Apache-2.0
#include "testing/postgres/postgres_server.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace pedigree::testing {
namespace {

constexpr const char* kAccount = "nobody";

std::string url_of(const std::filesystem::path& folder, const std::string& database) {
  return "postgresql://pedigree@/" + database + "?host=" + folder.string();
}

bool answers(const std::string& url) {
  return PQping(url.c_str()) == PQPING_OK;
}

}  // namespace

PostgresServer::PostgresServer(const std::vector<std::string>& settings) : settings_(settings) {
  if (geteuid() == 0) {
    const passwd* account = getpwnam(kAccount);
    if (account == nullptr) throw std::runtime_error("there is no account \"nobody\" to run PostgreSQL");
    if (chown(folder_.path().c_str(), account->pw_uid, account->pw_gid) != 0) {
      throw std::runtime_error("cannot give a folder to \"nobody\"");
    }
  }
  std::vector<std::string> command = as_server("initdb");
  const std::string data = (folder_ / "data").string();
  // Only who may enter the folder reaches the socket.
  command.insert(command.end(), {"--pgdata=" + data, "--username=pedigree", "--auth=trust", "--encoding=UTF8",
                                 "--locale=C", "--no-sync", "--no-instructions"});
  Process initdb(command);
  if (initdb.wait() != 0) throw std::runtime_error("initdb: " + initdb.output() + initdb.errors());
  start();
}

PostgresServer::~PostgresServer() {
  stop();
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

std::vector<std::string> PostgresServer::as_server(const std::string& program) const {
  std::vector<std::string> command;
  // A test that is killed takes its server along.
  command = {"setpriv", "--pdeathsig", "QUIT"};
  if (geteuid() == 0) {
    const passwd* account = getpwnam(kAccount);
    command.insert(command.end(), {"--reuid=" + std::to_string(account->pw_uid),
                                   "--regid=" + std::to_string(account->pw_gid), "--clear-groups"});
  }
  command.push_back(std::string(PEDIGREE_POSTGRESQL_PROGRAMS) + "/" + program);
  return command;
}

void PostgresServer::start() {
  std::vector<std::string> command = as_server("postgres");
  command.insert(command.end(),
                 {"-D", (folder_ / "data").string(), "-k", folder_.path().string(), "-c",
                  "listen_addresses=", "-c", "shared_buffers=32MB", "-c", "log_min_messages=fatal"});
  for (const std::string& setting : settings_) command.insert(command.end(), {"-c", setting});
  process_ = std::make_unique<Process>(command);
  const std::string url = url_of(folder_.path(), "postgres");
  if (!process_->wait_until([&] { return answers(url); })) {
    throw std::runtime_error("PostgreSQL did not start: " + process_->output() + process_->errors());
  }
}

// The fields utime, stime, cutime and cstime of proc(5), in clock ticks, stand 11 to 14 behind the name in
// parentheses. What has ended counts with its parent.
double PostgresServer::cpu_seconds() const {
  std::vector<pid_t> processes = process_->children();
  processes.push_back(process_->id());
  double ticks = 0;
  for (const pid_t process : processes) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");  // it may be gone by now
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    for (int i = 0; i < 4; ++i) {
      double more = 0;
      fields >> more;
      ticks += more;
    }
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void PostgresServer::end(int signal) {
  if (!process_) return;
  process_->kill(signal);
  process_->wait();
  process_.reset();
}

void PostgresServer::crash() {
  end(SIGQUIT);
}

void PostgresServer::stop() {
  end(SIGINT);
}

std::string PostgresServer::create_database() {
  return copy_database(url_of(folder_.path(), "template1"));
}

std::string PostgresServer::copy_database(const std::string& url) {
  const std::string name = "registry_" + std::to_string(++databases_);
  const std::string original = sql(url, "SELECT current_database()");
  (void)sql(url_of(folder_.path(), "postgres"), "CREATE DATABASE " + name + " TEMPLATE " + original);
  return url_of(folder_.path(), name);
}

std::string PostgresServer::sql(const std::string& url, const std::string& text) const {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), text.c_str()),
                                                             &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  std::string rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    if (row > 0) rows += '\n';
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (column > 0) rows += '|';
      rows += PQgetvalue(result.get(), row, column);
    }
  }
  return rows;
}

}  // namespace pedigree::testing
