// Run by mongosh, connects as root: makes the replica set and imagegen's own user, or finds them there.
const password = encodeURIComponent(process.env.MONGODB_ROOT_PASSWORD);
db = connect(`mongodb://root:${password}@mongodb:27017/admin?directConnection=true&authSource=admin`);
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongodb:27017" }] });
}
while (!db.hello().isWritablePrimary) sleep(200);

const imagegen = db.getSiblingDB("imagegen");
const roles = [{ role: "readWrite", db: "imagegen" }];
const pwd = process.env.MONGODB_PASSWORD;
if (imagegen.getUser("imagegen")) imagegen.updateUser("imagegen", { pwd, roles });
else imagegen.createUser({ user: "imagegen", pwd, roles });
