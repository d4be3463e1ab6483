package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// mosquitto runs Debian's, without persistence. max_queued_messages is 1,000 by
// default, and 8,192 with mochi: alike here. Its default is Nagle's algorithm,
// which no other peer uses.
func mosquitto(p *peer, dir string) (*exec.Cmd, error) {
	return startMosquitto(p, dir, "max_queued_messages 8192\nmax_inflight_messages 20\npersistence false\n")
}

// keepingMosquitto stands for it at QoS 1. With its default limits it confirms
// messages that it then drops for a subscriber that is slower than the publishers.
func keepingMosquitto(p *peer, dir string) (*exec.Cmd, error) {
	return startMosquitto(p, dir, "max_queued_messages 0\nmax_inflight_messages 1000\npersistence true\npersistence_location "+dir+"/\n")
}

func startMosquitto(p *peer, dir, settings string) (*exec.Cmd, error) {
	text := fmt.Sprintf("listener %s 127.0.0.1\nuser root\nallow_anonymous true\nset_tcp_nodelay true\nlog_type error\nlog_type warning\n%s", port(p.at["mqtt"]), settings)
	conf, err := write(dir, "mosquitto.conf", text)
	return exec.Command("mosquitto", "-c", conf), err
}

const activeMQInstance = "/etc/activemq/instances-available/main/"

// activeMQ runs Debian's instance, with a STOMP connector in place of OpenWire.
// stomp+nio and no dedicated task runners, because a thread for each of thousands
// of connections is not how one would run it. Persistent messages go to KahaDB
// with its default, a sync before each receipt.
func activeMQ(p *peer, dir string) (*exec.Cmd, error) {
	text, err := os.ReadFile(activeMQInstance + "activemq.xml")
	if err != nil {
		return nil, err
	}
	connector := `<transportConnector name="stomp" uri="stomp+nio://` + p.at["stomp"] + `?maximumConnections=20000&amp;wireFormat.maxFrameSize=1048576"/>`
	text = regexp.MustCompile(`<transportConnector name="openwire"[^>]*>`).ReplaceAllLiteral(text, []byte(connector))
	conf, data, tmp := filepath.Join(dir, "conf"), filepath.Join(dir, "data"), filepath.Join(dir, "tmp")
	logging, err := os.ReadFile(activeMQInstance + "log4j2.properties")
	if err == nil {
		err = errors.Join(os.MkdirAll(conf, 0o700), os.MkdirAll(data, 0o700), os.MkdirAll(tmp, 0o700))
	}
	if err != nil {
		return nil, err
	}
	_, err1 := write(conf, "activemq.xml", string(text))
	_, err2 := write(conf, "log4j2.properties", string(logging))
	return exec.Command("java", "-Xms512M", "-Xmx2G", "-Dorg.apache.activemq.UseDedicatedTaskRunner=false", "-Djava.io.tmpdir="+tmp,
		"-Dactivemq.home=/usr/share/activemq", "-Dactivemq.base="+dir, "-Dactivemq.conf="+conf, "-Dactivemq.data="+data,
		"-Dactivemq.classpath="+conf, "-jar", "/usr/share/activemq/bin/activemq.jar", "start", "xbean:activemq.xml"), errors.Join(err1, err2)
}

// rabbitMQ runs Debian's with files of its own. A STOMP queue is a durable classic
// queue, a receipt of a persistent message its publisher confirm.
func rabbitMQ(p *peer, dir string) (*exec.Cmd, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	conf, err1 := write(dir, "rabbitmq.conf", fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%s\nmqtt.listeners.tcp.1 = %s\nstomp.listeners.tcp.1 = %s\n"+
		"log.file = false\nlog.console = true\nlog.console.level = error\n", ports[0], p.at["mqtt"], p.at["stomp"]))
	plugins, err2 := write(dir, "enabled_plugins", "[rabbitmq_mqtt,rabbitmq_stomp].\n")
	p.mapper = "ERL_EPMD_PORT=" + ports[2]
	cmd := exec.Command("/usr/lib/rabbitmq/bin/rabbitmq-server")
	cmd.Env = append(os.Environ(), "HOME="+dir, "RABBITMQ_NODENAME=bench@localhost",
		"RABBITMQ_MNESIA_BASE="+dir+"/mnesia", "RABBITMQ_LOG_BASE="+dir+"/log", "RABBITMQ_PID_FILE="+dir+"/pid",
		"RABBITMQ_CONFIG_FILE="+conf, "RABBITMQ_CONF_ENV_FILE="+dir+"/none", "RABBITMQ_ENABLED_PLUGINS_FILE="+plugins,
		"RABBITMQ_NODE_PORT="+ports[0], "RABBITMQ_DIST_PORT="+ports[1], p.mapper, "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}")
	return cmd, errors.Join(err1, err2)
}

// mwmServer runs mwm with its own defaults, but for a queue of a million messages,
// and the settings of a variant.
func mwmServer(more ...string) func(p *peer, dir string) (*exec.Cmd, error) {
	return func(p *peer, dir string) (*exec.Cmd, error) {
		args := []string{"serve", "--data=" + filepath.Join(dir, "data"), "--http=127.0.0.1:0", "--stomp-ws=", "--mqtt-ws=", "--max-queue-bytes=2147483648"}
		if p.tls {
			args = append(args, "--stomp=", "--mqtt=", "--stomps="+p.at["stomp"], "--mqtts="+p.at["mqtt"])
		} else {
			args = append(args, "--stomp="+p.at["stomp"], "--mqtt="+p.at["mqtt"])
		}
		return exec.Command(p.program, append(args, more...)...), nil
	}
}

// mwmWithAccounts has an operator "guest" and the devices that publish, which may
// do no more than devices may. The rate of a device is not limited.
func mwmWithAccounts(p *peer, dir string) (*exec.Cmd, error) {
	file := filepath.Join(dir, "accounts")
	add := exec.Command(p.program, "user", "add", "--accounts="+file, "guest")
	add.Stdin = strings.NewReader(password + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for i := range 1000 {
		text = fmt.Appendf(text, "device %s %s\n", device(i), deviceHash)
	}
	if _, err := write(dir, "accounts", string(text)); err != nil {
		return nil, err
	}
	return mwmServer("--accounts="+file, "--device-rate=1000000000")(p, dir)
}

// password is everybody's, and deviceHash what mwm device add makes of it: a
// device's password is long and random, so its hash is quick.
const (
	password   = "nriyjegnumik2hkjptnh4zakfs4alizw"
	deviceHash = "$argon2id$v=19$m=64,t=1,p=1$FNb3OrioWcA+uhbtXJCOfA$i4bGC5731X6qGjMMBcbj2cpmdaKgKxfePATBf5yELn0"
)

func write(dir, name, text string) (path string, err error) {
	path = filepath.Join(dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}
