/** MQTT.js against a broker that listens, feature by feature. */
import { mqttJs } from './mqtt-js.ts'
import { testLibrary } from './suite.ts'

testLibrary(mqttJs)
